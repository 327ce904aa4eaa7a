"""An app's callback URL on a real socket: opens what comes with the app's keys and answers as it was told to."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from adapters.simulator.platform.apps import App
from adapters.wecom.callback.crypto import CallbackKeys
from adapters.wecom.callback.xml import Fields, encrypted_part, message_fields

Behaviour = int | Literal["hang", "drop"]


class Receiver:
    """Remembers the fields of every callback in the order they came, failed ones too."""

    def __init__(self) -> None:
        self.received: list[Fields] = []
        self.queries: list[Mapping[str, str]] = []
        self.behaviour: deque[Behaviour] = deque()
        """What to do with the next callbacks; 200 when nothing is left."""
        self.echo: bytes | None = None
        """What to answer to a verification instead of the truth."""
        self._app: App | None = None
        self._server: asyncio.Server | None = None
        self._released = asyncio.Event()
        self._came = asyncio.Event()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}/gpt"

    def expect(self, app: App) -> None:
        self._app = app

    async def stop(self) -> None:
        self._released.set()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def came(self, count: int) -> None:
        """Return once so many callbacks came."""
        async with asyncio.timeout(30):
            while len(self.received) < count:
                self._came.clear()
                await self._came.wait()

    def contents(self) -> list[str]:
        return [fields["Content"] for fields in self.received]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, _ = head.decode().split("\r\n")[0].split(" ")
        query = dict(parse_qsl(urlsplit(target).query))
        headers = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        status, answer = 200, b""
        if method == "GET":
            answer = self._open(query, query["echostr"]) if self.echo is None else self.echo
        else:
            self.queries.append(query)
            self.received.append(message_fields(self._open(query, encrypted_part(body))))
            self._came.set()
        behaviour = self.behaviour.popleft() if self.behaviour else 200
        if behaviour == "hang":
            await self._released.wait()
        if isinstance(behaviour, str):
            writer.transport.abort()
            return
        status = behaviour
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(answer), answer))
        await writer.drain()

    def _open(self, query: Mapping[str, str], encrypted: str) -> bytes:
        assert self._app is not None
        keys = CallbackKeys.of(self._app.token, self._app.encoding_aes_key, self._app.corp_id)
        return keys.open(query["msg_signature"], query["timestamp"], query["nonce"], encrypted)
