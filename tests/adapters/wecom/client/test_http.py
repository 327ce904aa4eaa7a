import asyncio
import gzip
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from adapters.wecom.client.http import QyapiHttp, UploadFile
from pipeline.errors import SettingsInvalid, TryAgain, Undeliverable

OK = b'{"errcode":0,"errmsg":"ok"}'
SECRETS = {"access_token": "the-token", "corpsecret": "the-secret"}

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    over: list[asyncio.Event] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over.append(asyncio.Event())
        done = over[-1]
        try:
            await handler(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            done.set()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        listening.close()
        await asyncio.wait_for(asyncio.gather(*(done.wait() for done in over)), 60)


class Recorder:
    """Answers every request with OK and keeps its bytes."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: *([0-9]+)", head, re.IGNORECASE)
            self.heads.append(head)
            self.bodies.append(await reader.readexactly(int(length[1]) if length else 0))
            writer.write(answer(OK))
            await writer.drain()


async def test_no_log_at_any_level_has_the_token_or_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with server(Recorder()) as base:
        wire = QyapiHttp(base)
        await wire.call("message/send", SECRETS, body={"x": 1})
        await wire.call("media/upload", SECRETS, file=UploadFile("a.txt", b"content", "text/plain"))
        await wire.download("media/get", SECRETS, 1000)
        await wire.aclose()
    logged = "\n".join(record.getMessage() for record in caplog.records)

    assert not any(secret in logged for secret in SECRETS.values())


async def test_a_failing_connection_tells_neither_token_nor_secret() -> None:
    async with server(Recorder()) as base:
        pass
    wire = QyapiHttp(base)

    with pytest.raises(TryAgain) as raised:
        await wire.call("message/send", SECRETS, body={"x": 1})

    assert "the connection was refused" in str(raised.value)
    assert not any(secret in str(raised.value) for secret in SECRETS.values())
    await wire.aclose()


async def test_a_name_goes_over_the_wire_in_plain_utf8() -> None:
    recorder = Recorder()
    async with server(recorder) as base:
        wire = QyapiHttp(base)
        await wire.call("media/upload", SECRETS, file=UploadFile("报告 📄.pdf", b"content", "application/pdf"))
        await wire.aclose()

    assert b"filename*" not in recorder.bodies[0]
    assert 'name="media"; filename="报告 📄.pdf"'.encode() in recorder.bodies[0]


async def test_what_leaves_the_machine_goes_through_the_proxy() -> None:
    recorder = Recorder()
    async with server(recorder) as proxy:
        wire = QyapiHttp("http://qyapi.invalid", proxy=proxy)
        await wire.call("gettoken", {"corpid": "x"})
        await wire.aclose()

    assert recorder.heads[0].startswith(b"GET http://qyapi.invalid/cgi-bin/gettoken?corpid=x HTTP/1.1\r\n")


async def test_what_stays_on_the_machine_does_not() -> None:
    recorder = Recorder()
    async with server(recorder) as base:
        wire = QyapiHttp(base, proxy="http://127.0.0.1:1")
        await wire.call("gettoken", {"corpid": "x"})
        await wire.aclose()

    assert recorder.heads[0].startswith(b"GET /cgi-bin/gettoken?corpid=x HTTP/1.1\r\n")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "127.0.0.1:1"])
def test_a_proxy_of_another_kind_is_refused_before_anything_starts(proxy: str) -> None:
    with pytest.raises(SettingsInvalid, match="proxy"):
        QyapiHttp("https://qyapi.invalid", proxy=proxy)


async def test_connections_are_used_again() -> None:
    ports: set[object] = set()
    recorder = Recorder()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername"))
        await recorder(reader, writer)

    async with server(handler) as base:
        wire = QyapiHttp(base)
        for _ in range(5):
            await wire.call("gettoken", {})
        await wire.aclose()

    assert (1, 5) == (len(ports), len(recorder.heads))


async def test_an_answer_that_never_ends_is_given_up_in_time() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(OK)[:-5])
        await reader.read()

    async with server(handler) as base:
        wire = QyapiHttp(base, patience=0.3)

        with pytest.raises(TryAgain, match="no answer came in time"):
            await wire.call("message/send", {}, body={})

        await wire.aclose()


async def test_an_answer_without_end_is_given_up_in_size() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while True:
            writer.write(b" " * 2**16)
            await writer.drain()

    async with server(handler) as base:
        wire = QyapiHttp(base)

        with pytest.raises(Undeliverable, match="more than"):
            await wire.call("message/send", {}, body={})

        await wire.aclose()


async def test_an_answer_is_asked_for_unpacked_and_never_unpacked() -> None:
    heads: list[bytes] = []
    packed = gzip.compress(bytes(2**26))

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(packed) + packed)
        await writer.drain()

    async with server(handler) as base:
        wire = QyapiHttp(base)
        for asked in (wire.call("gettoken", {}), wire.download("media/get", {}, 20 * 2**20)):
            with pytest.raises(TryAgain, match="packed by 'gzip'") as refused:
                await asked
            assert refused.value.alert
        await wire.aclose()

    assert all(b"\r\naccept-encoding: identity\r\n" in head.lower() for head in heads)


@pytest.mark.parametrize("path", ["/relay/", "/relay"])
async def test_a_relay_may_have_a_path(path: str) -> None:
    recorder = Recorder()
    async with server(recorder) as base:
        wire = QyapiHttp(f"{base}{path}")
        await wire.call("gettoken", {})
        await wire.aclose()

    assert recorder.heads[0].startswith(b"GET /relay/cgi-bin/gettoken HTTP/1.1\r\n")


async def test_an_answer_that_leads_elsewhere_is_not_followed() -> None:
    recorder = Recorder()

    async with server(recorder) as elsewhere:

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 302 Found\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % elsewhere.encode())
            await writer.drain()

        async with server(handler) as base:
            wire = QyapiHttp(base)
            with pytest.raises(TryAgain, match="302"):
                await wire.call("gettoken", SECRETS)
            await wire.aclose()

    assert [] == recorder.heads
