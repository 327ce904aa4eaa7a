"""Posts callbacks as WeCom does, cheaply: requests are sealed beforehand and go over raw keep-alive connections."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from adapters.simulator.callback_sender import encrypted_post
from adapters.simulator.platform.apps import App
from adapters.simulator.platform.timeline import MemberAction
from pipeline.events import Clicked, Content, Text

LOST = 0
"""The status of a post that got no answer."""

PATIENCE = 5.0
"""Seconds WeCom waits for an answer (wecom-protocol.md 1)."""

_numbers = itertools.count(time.time_ns() // 1000)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message with the means to post it, each time sealed afresh."""

    app: App
    said: MemberAction

    @property
    def text(self) -> str:
        """What it says."""
        return self.said.content.text if isinstance(self.said.content, Text) else ""

    def request(self) -> bytes:
        """Give the HTTP request that brings it."""
        url, body = encrypted_post(self.app, self.said)
        target = "/" + url.split("/", 3)[3]
        return http_post(target, body)


def http_post(target: str, body: bytes) -> bytes:
    """Write a request."""
    head = f"POST {target} HTTP/1.1\r\nHost: webot\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def letter(app: App, user: str, content: str | Content) -> Letter:
    """Let a member say something."""
    what = Text(content) if isinstance(content, str) else content
    number = next(_numbers)
    msg_id = "" if isinstance(what, Clicked) else str(number)
    return Letter(app, MemberAction(number, time.time(), app.corp_id, app.agent_id, user, msg_id, what))


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a request: `at` in seconds since 1970 when it left, `seconds` until it was answered."""

    status: int
    at: float
    seconds: float


class WebhookConnection(asyncio.Protocol):
    """One connection, one request after the other."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = b""
        self._headless = False
        """Whether the answer has no body, whatever it says: that of HEAD."""

    @property
    def is_open(self) -> bool:
        """Whether the other side is still there."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        _, named, after = head.lower().partition(b"content-length:")
        length = int(after.split(b"\r\n", 1)[0]) if named and not self._headless else 0
        if len(rest) >= length:
            self._received = rest[length:]
            self._settle(int(head[9:12]))

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._settle(LOST)

    def write(self, data: bytes) -> None:
        """Send bytes and expect nothing."""
        if self.is_open:
            assert self._transport is not None
            self._transport.write(data)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    async def post(self, request: bytes, *, patience: float = PATIENCE) -> Posted:
        """Send a request and return when it is answered, or the connection is gone, or patience is."""
        at, began = time.time(), time.perf_counter()
        if self._transport is None:
            return Posted(LOST, at, 0.0)
        self._answer = asyncio.get_running_loop().create_future()
        self._headless = request.startswith(b"HEAD ")
        self._transport.write(request)
        timer = asyncio.get_running_loop().call_later(patience, self.close)
        status = await self._answer
        timer.cancel()
        return Posted(status, at, time.perf_counter() - began)

    def _settle(self, status: int) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(status)


async def dial(port: int) -> WebhookConnection:
    """Open a connection; `OSError` when nobody listens."""
    _, line = await asyncio.get_running_loop().create_connection(WebhookConnection, "127.0.0.1", port)
    return line


@asynccontextmanager
async def lines(port: int, count: int) -> AsyncIterator[Sequence[WebhookConnection]]:
    """Open so many connections, and close them at the end."""
    opened = [await dial(port) for _ in range(count)]
    try:
        yield opened
    finally:
        for line in opened:
            line.close()


async def post_all(port: int, requests: Iterable[bytes], *, connections: int) -> list[Posted]:
    """Post everything as fast as answers come, so many at a time; a closed connection is opened again."""
    waiting = iter(requests)
    results: list[Posted] = []

    async def work(line: WebhookConnection) -> None:
        for request in waiting:
            current = line if line.is_open else await dial(port)
            line = current
            results.append(await line.post(request))
        line.close()

    async with lines(port, connections) as opened:
        await asyncio.gather(*(work(line) for line in opened))
    return results


async def post_steadily(
    port: int, requests: Sequence[bytes], *, per_second: float, clock: Callable[[], float] = time.perf_counter
) -> list[Posted]:
    """Post at a rate, whether or not answers come in time."""
    idle: list[WebhookConnection] = []
    began = clock()

    async def one(request: bytes) -> Posted:
        try:
            line = idle.pop() if idle else await dial(port)
            posted = await line.post(request)
            if posted.status == LOST:
                # It had been idle for long, and the other side was just closing it.
                line = await dial(port)
                posted = await line.post(request)
        except OSError:
            return Posted(LOST, time.time(), 0.0)
        if line.is_open:
            idle.append(line)
        return posted

    posts = []
    for place, request in enumerate(requests):
        wait = began + place / per_second - clock()
        if wait > 0:
            await asyncio.sleep(wait)
        posts.append(asyncio.create_task(one(request)))
    results = await asyncio.gather(*posts)
    for line in idle:
        line.close()
    return list(results)
