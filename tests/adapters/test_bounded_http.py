"""What clients may send before there is anything to answer: bounded in bytes, in time and in connections."""

import asyncio
import contextlib
import itertools
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from adapters.bounded_http import HEAD_BYTES, BoundedHttpProtocol, ConnectionLimit

HEAD = b"GET /a HTTP/1.1\r\nHost: x\r\n"
CONVERSATION = (
    b"POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    b"\r\nGET /two HTTP/1.1\r\nHost: x\r\n\r\n"
    b"POST /three HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;extension=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n"
    b"GET /four HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
)
ANSWERS = [b"/one hello", b"/two ", b"/three abcde", b"/four "]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:  # noqa: ANN401 (uvicorn's)
        yield


async def echo(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answer with the path and the body; `/early` does not wait for the body, `/slow` not for anything but the end."""
    assert scope["type"] == "http"
    body = b""
    if scope["path"] != "/early":
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message["body"]
            if not message["more_body"]:
                break
    if scope["path"] == "/slow":
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    text = scope["path"].encode() + b" " + body
    headers = [(b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": text, "more_body": False})


@asynccontextmanager
async def serving(limit: ConnectionLimit | None = None, **seconds: float) -> AsyncIterator[int]:
    """Serve `echo` and give the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    protocol = BoundedHttpProtocol.within(limit or ConnectionLimit(100), **seconds)
    config = uvicorn.Config(echo, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False)
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await running


async def said(port: int, *pieces: bytes) -> bytes:
    """Send pieces and read until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(30):
            while chunk := await reader.read(65536):
                received += chunk
    writer.close()
    return received


def bodies(received: bytes) -> list[bytes]:
    return re.findall(rb"\r\n\r\n(/[^H]*)", received)


async def converse(splits: Sequence[Sequence[int]]) -> list[list[bytes]]:
    async with serving() as port:
        heard = []
        for cuts in splits:
            edges = [0, *sorted(cuts), len(CONVERSATION)]
            pieces = [CONVERSATION[start:end] for start, end in itertools.pairwise(edges)]
            heard.append(bodies(await said(port, *pieces)))
        return heard


@settings(max_examples=5)
@given(st.lists(st.lists(st.integers(0, len(CONVERSATION)), max_size=6), min_size=5, max_size=5))
def test_requests_are_answered_in_order_however_they_are_cut(splits: list[list[int]]) -> None:
    assert [ANSWERS] * len(splits) == asyncio.run(converse(splits))


UPGRADES = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
    "a WebSocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "what nobody knows": b"connection: keep-alive, upgrade\r\nUPGRADE: x/1, y/2\r\n",
}
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("upgrade", UPGRADES.values(), ids=UPGRADES)
@pytest.mark.parametrize("in_chunks", [False, True], ids=["of a length", "in chunks"])
async def test_the_body_of_a_request_that_wishes_for_another_protocol_is_its_body(
    upgrade: bytes, *, in_chunks: bool
) -> None:
    size, length = len(SMUGGLED), b"Content-Length: %d\r\n\r\n%b" % (len(SMUGGLED), SMUGGLED)
    body = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, SMUGGLED) if in_chunks else length
    one = b"POST /a HTTP/1.1\r\nHost: x\r\n" + upgrade + body
    last = b"GET /b HTTP/1.1\r\nHost: x\r\n" + upgrade + b"Connection: close\r\n\r\n"
    whole = one * 3 + last
    async with serving() as port:
        for step in (len(whole), len(one), 61, 7):
            received = await said(port, *(whole[at : at + step] for at in range(0, len(whole), step)))

            assert 4 == received.count(b"HTTP/1.1 200")
            assert 3 == received.count(b"/a " + SMUGGLED)
            assert received.endswith(b"\r\n\r\n/b ")


async def test_nobody_connects_to_elsewhere_through_us() -> None:
    async with serving() as port:
        received = await said(port, b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED)

    assert [b"HTTP/1.1 400 Bad Request"] == re.findall(rb"HTTP/1.1 [^\r]*", received)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([HEAD + b"X: " + b"x" * HEAD_BYTES + b"\r\n\r\n"], id="one header"),
        pytest.param([HEAD + b"X" * HEAD_BYTES + b": 1\r\n\r\n"], id="one name"),
        pytest.param([b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n"], id="one URL"),
        pytest.param([HEAD + b"X: y\r\n" * 3000 + b"\r\n"], id="many headers at once"),
        pytest.param([HEAD, *[b"X: y\r\n" * 500] * 6, b"\r\n"], id="many headers, some at a time"),
        pytest.param([b"\r\n" * 9000], id="blank lines"),
        pytest.param([CONVERSATION[:57], HEAD, *[b"X: y\r\n" * 500] * 6], id="behind a good request"),
    ],
)
async def test_a_head_over_16_kilobytes_is_refused(pieces: list[bytes]) -> None:
    async with serving() as port:
        received = await said(port, *pieces)

        # The rest that was under way may take the answer with it.
        assert b"431 Request Header Fields Too Large" in received or not received.removeprefix(b"HTTP/1.1 200")
        assert b"/a" not in received


@pytest.mark.parametrize("size", [1, 1000, HEAD_BYTES])
async def test_a_head_of_just_16_kilobytes_is_answered(size: int) -> None:
    end = b"Connection: close\r\n\r\n"
    head = HEAD + b"X: ".ljust(HEAD_BYTES - len(HEAD) - len(end) - 2, b"x") + b"\r\n" + end
    assert HEAD_BYTES == len(head)
    async with serving() as port:
        parts = [head[:200]] if size == 1 else []
        rest = head[200:] if size == 1 else head
        step = max(size, 50)
        received = await said(port, *parts, *(rest[at : at + step] for at in range(0, len(rest), step)))

        assert [b"/a "] == bodies(received)


@pytest.mark.parametrize(
    ("start", "answer"),
    [
        pytest.param(b"", b"", id="nothing at all"),
        pytest.param(HEAD, b"408 Request Timeout", id="half a head"),
        pytest.param(b"\r\n", b"408 Request Timeout", id="a blank line"),
        pytest.param(CONVERSATION[:57] + HEAD, b"408 Request Timeout", id="half a head behind a good request"),
    ],
)
async def test_a_head_that_does_not_come_is_not_waited_for(start: bytes, answer: bytes) -> None:
    async with serving(head_seconds=0.1) as port:
        received = await said(port, start)

        assert answer in received
        assert (answer != b"") == (received != b"")


async def test_the_rest_of_a_request_that_was_answered_early_is_waited_for_a_little() -> None:
    async with serving(linger_seconds=0.1) as port:
        received = await said(port, b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc")

        assert [b"/early "] == bodies(received)


@pytest.mark.parametrize("endless", [b"1;" + b"x" * 20_000, b"0\r\n" + b"T: t\r\n" * 4000], ids=["a size", "trailers"])
async def test_chunks_that_bring_nothing_are_refused(endless: bytes) -> None:
    async with serving() as port:
        received = await said(
            port, b"POST /chunks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", endless, b"x" * 20_000
        )

        assert b"" == received


async def test_of_too_many_connections_the_one_waited_for_the_longest_is_closed() -> None:
    limit = ConnectionLimit(4)
    async with serving(limit) as port:
        busy_reader, busy = await asyncio.open_connection("127.0.0.1", port)
        busy.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        half = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for _, writer in half:
            writer.write(HEAD)
        others = [await said(port, HEAD + b"Connection: close\r\n\r\n") for _ in range(10)]
        with contextlib.suppress(ConnectionError):
            assert b"" == await half[0][0].read()
        half[2][1].write(b"Connection: close\r\n\r\n")
        last = await half[2][0].read()

        assert [[b"/a "]] * 10 == [bodies(other) for other in others]
        assert [b"/a "] == bodies(last)
        assert not busy_reader.at_eof()
        assert len(limit.open) <= 4
        for writer in (busy, *(writer for _, writer in half)):
            writer.close()


def test_half_open_connections_and_endless_heads_stop_neither_others_nor_the_process(tmp_path: Path) -> None:
    webot = Path(sys.executable).with_name("webot")
    environ = os.environ | {"WEBOT_SETTINGS_DIR": str(tmp_path), "WEBOT_SERVER__PORT": "0"}
    with (
        contextlib.ExitStack() as half,
        subprocess.Popen(  # noqa: S603 (our own program)
            ["/bin/sh", "-c", 'ulimit -n 256; exec "$0" serve', str(webot)],
            cwd=tmp_path,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        # A start that takes long says more than its address.
        found = (re.search(r"http://127\.0\.0\.1:([0-9]+)", line) for line in process.stdout)
        port = next(int(each[1]) for each in found if each is not None)
        try:
            for _ in range(240):
                half.enter_context(_half_open(port))
            healthy = [urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30).read() for _ in range(5)]
            before = _resident_megabytes(process.pid)
            taken = [
                _pour(port, start, piece)
                for start, piece in ((HEAD, b"X: y\r\n" * 8000), (HEAD + b"X: ", b"x" * 65536))
            ]
            grown = _resident_megabytes(process.pid) - before
        finally:
            process.terminate()
        assert 0 == process.wait(timeout=30)

    assert [b"ok"] * 5 == healthy
    assert [True, True] == [size < 64 * 2**20 for size in taken]
    assert grown < 10


def _half_open(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    with contextlib.suppress(ConnectionError):
        connection.sendall(HEAD)
    return connection


def _pour(port: int, start: bytes, piece: bytes) -> int:
    """Send a head that never ends, 64 MB of it at most; give how many bytes were taken."""
    taken = 0
    with socket.create_connection(("127.0.0.1", port)) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(start)
        while taken < 64 * 2**20:
            connection.sendall(piece)
            taken += len(piece)
    return taken


def _resident_megabytes(pid: int) -> float:
    found = re.search(r"VmRSS:\s+([0-9]+)", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) / 1024
