"""A scripted qyapi on loopback: gives tokens by itself, answers the rest as told, and remembers what it was asked."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import httpx2

from adapters.wecom.client.api import WeComApi
from adapters.wecom.client.cache import Cache
from adapters.wecom.client.http import QyapiHttp
from tests.hand_clock import HandClock

NOWHERE = "http://127.0.0.1:1"
SECRET = "s3cret-of-the-app-that-nobody-may-see-000"


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is cut instead of an answer."""


@dataclass(frozen=True, slots=True)
class Mute:
    """No answer ever comes."""


@dataclass(frozen=True, slots=True)
class Endless:
    """A body that never ends."""


Act = httpx2.Response | Cut | Mute | Endless


class Qyapi:
    """The far end of a Wire, while it is served. `say` sets the next answers of a path."""

    def __init__(self) -> None:
        self.base = NOWHERE
        self.asked: list[httpx2.Request] = []
        self.lifetime: object = 7200
        self.same_token = False
        self.given = 0
        """Bytes of an endless body that were sent."""
        self._answers: defaultdict[str, deque[Act]] = defaultdict(deque)
        self._tokens = 0

    def say(self, path: str, *answers: dict[str, Any] | Act) -> None:
        self._answers[path].extend(
            httpx2.Response(200, json=answer) if isinstance(answer, dict) else answer for answer in answers
        )

    def asked_for(self, path: str) -> list[httpx2.Request]:
        return [request for request in self.asked if request.url.path == f"/cgi-bin/{path}"]

    def tokens_used(self, path: str) -> list[str]:
        return [parse_qs(request.url.query.decode())["access_token"][0] for request in self.asked_for(path)]

    def wire(self, *, patience: float = 5.0) -> QyapiHttp:
        return QyapiHttp(self.base, patience=patience)

    def api(self, cache: Cache, clock: HandClock, *, secret: str = SECRET, agent_id: int = 1000002) -> WeComApi:
        wire = self.wire(patience=0.5)
        return WeComApi(wire, corp_id="wwcorp", secret=secret, agent_id=agent_id, cache=cache, clock=clock)

    @asynccontextmanager
    async def served(self) -> AsyncIterator["Qyapi"]:
        """Listen while this is entered; a wire is made after that."""
        talking: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if (task := asyncio.current_task()) is not None:
                talking.add(task)
                task.add_done_callback(talking.discard)
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
            writer.close()

        listening = await asyncio.start_server(connected, "127.0.0.1", 0)
        self.base = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            listening.close()
            for task in list(talking):
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False when the connection is done with."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, _ = line.split(" ")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        body = await reader.readexactly(length)
        answer = self._answer(httpx2.Request(method, f"{self.base}{target}", headers=headers, content=body))
        match answer:
            case httpx2.Response():
                writer.write(b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n" % (answer.status_code, len(answer.content)))
                for name, value in answer.headers.raw:
                    if name.lower() not in {b"content-length", b"transfer-encoding"}:
                        writer.write(name + b": " + value + b"\r\n")
                writer.write(b"\r\n" + answer.content)
                await writer.drain()
                return True
            case Cut():
                writer.transport.abort()
                return False
            case Mute():
                await reader.read()
                return False
            case Endless():
                writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
                while True:
                    writer.write(b"\xff" * 2**16)
                    await writer.drain()
                    self.given += 2**16

    def _answer(self, request: httpx2.Request) -> Act:
        self.asked.append(request)
        path = request.url.path.removeprefix("/cgi-bin/")
        if answers := self._answers[path]:
            return answers.popleft()
        return self._token() if path == "gettoken" else httpx2.Response(200, json={"errcode": 0, "errmsg": "ok"})

    def _token(self) -> httpx2.Response:
        self._tokens += 1
        token = "token-1" if self.same_token else f"token-{self._tokens}"
        return httpx2.Response(
            200, json={"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": self.lifetime}
        )


def refusal(errcode: int, errmsg: str = "no") -> dict[str, Any]:
    return {"errcode": errcode, "errmsg": errmsg}


def body_of(request: httpx2.Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.content)
    return body
