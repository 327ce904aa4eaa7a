"""Carries requests from a loopback socket to the pretend WeCom, and lets go wrong on the way what shall go wrong."""

import asyncio
import contextlib
import ipaddress
import re
import socket
from collections.abc import Callable, Generator, Sequence
from typing import cast
from urllib.parse import parse_qsl

import uvicorn
from litestar import Litestar, asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import ControllerRouterHandler, Receive, Scope, Send

from adapters.bounded_http import BoundedHttpProtocol, connection_limit
from adapters.simulator.api.qyapi import ROUTES, SimulatedApi, SimulatedRequest, SimulatedResponse
from adapters.simulator.faults import ApiFault, Drop, Errcode, Faults, Hang, HttpStatus, NotJson, Slow
from adapters.simulator.platform.state import Platform
from pipeline.errors import SettingsInvalid
from pipeline.text.i18n import Sentence

_BODY_LIMIT = 32 * 1024 * 1024
_DROP = "simulator.drop"
_NOT_IN_A_HEADER = re.compile(r'[\x00-\x1f\x7f"]')


class SimulatorServer:
    """The HTTP face; runs once, in the event loop it is started in, and leaves signals to others."""

    def __init__(self, platform: Platform, faults: Faults) -> None:
        self._counts = platform.counts
        self._qyapi = SimulatedApi(platform)
        self._faults = faults
        self._running: asyncio.Task[None] | None = None
        self.closing = asyncio.Event()
        """Set when the server is about to stop: what waits should end."""

    async def start(self, host: str, port: int, routes: Sequence[ControllerRouterHandler] = ()) -> str:
        """Listen, and return the base URL; `SettingsInvalid` for a host that is not this machine alone."""
        address = loopback(host)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        # With the protocol left open asyncio would not turn Nagle's algorithm off, and each answer take 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
        except OSError:
            listener.close()
            raise
        bound = listener.getsockname()[1]
        app = Litestar([self._mount(), *routes], openapi_config=None, logging_config=None)
        server = _Uvicorn(_config(app), closing=self.closing)
        self._running = asyncio.create_task(server.serve(sockets=[listener]), name="simulator")
        await server.ready.wait()
        return f"http://[{address}]:{bound}" if ":" in address else f"http://{address}:{bound}"

    async def stop(self) -> None:
        """Close the socket, ending what hangs."""
        self.closing.set()
        if self._running is not None:
            await self._running

    def _mount(self) -> ASGIRouteHandler:
        @asgi("/cgi-bin", is_mount=True, copy_scope=False)
        async def cgi_bin(scope: Scope, receive: Receive, send: Send) -> None:
            body = await _body(receive)
            if body is None:
                await _send(send, SimulatedResponse(b"", "text/plain", status=413))
                return
            asked = _asked(scope, body)
            if asked.route not in ROUTES:
                await _send(send, SimulatedResponse(b"404 page not found", "text/plain", status=404))
                return
            self._counts.calls[asked.route] += 1
            fault = self._faults.at_api(asked.route)
            response = self._qyapi.answer(asked) if fault is None else await self._spoilt(fault, asked, receive)
            if response is None:
                await _drop(scope, receive)
            else:
                await _send(send, response)

        return cgi_bin

    async def _spoilt(self, fault: ApiFault, asked: SimulatedRequest, receive: Receive) -> SimulatedResponse | None:
        """Return the answer a fault leaves, or None for none at all."""
        self._counts.faults[fault.kind] += 1
        match fault:
            case Errcode(errcode, ip):
                return self._qyapi.refuse(errcode, ip or asked.ip)
            case HttpStatus(status):
                return SimulatedResponse(b"", "text/plain", status=status)
            case NotJson(page):
                return SimulatedResponse(page.encode(), "text/html; charset=UTF-8")
            case Slow(seconds):
                await self._pause(seconds)
                return self._qyapi.answer(asked)
            case Hang(done):
                if done:
                    self._qyapi.answer(asked)
                await self._hang(receive)
                return None
            case Drop(done):
                if done:
                    self._qyapi.answer(asked)
                return None

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.closing.wait()

    async def _hang(self, receive: Receive) -> None:
        ends = {asyncio.create_task(_left(receive)), asyncio.create_task(self.closing.wait())}
        _, pending = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in pending:
            end.cancel()


def loopback(host: str) -> str:
    """Return the address of a host that only this machine can reach; `SettingsInvalid` for any other."""
    address = "127.0.0.1" if host == "localhost" else host
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(address).is_loopback:
            return address
    raise SettingsInvalid([Sentence("setting.not_loopback", host=host)])


class _Uvicorn(uvicorn.Server):
    """Describes when it is ready, and stops when told by an event instead of a signal."""

    def __init__(self, config: uvicorn.Config, *, closing: asyncio.Event) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._leave = closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        await self._leave.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class _Protocol(BoundedHttpProtocol):
    """Lets the application end a connection without an answer, for which ASGI has no word."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_DROP: {"now": self.transport.abort}}


def _config(app: Litestar) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol.within(connection_limit()),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        date_header=False,
        server_header=False,
        # Longer than any client's own: it is the client that gives an idle connection up, never both at once.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )


def _asked(scope: Scope, body: bytes) -> SimulatedRequest:
    content_type = ""
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value.decode("latin-1")
    client = scope["client"]
    return SimulatedRequest(
        route=scope["path"].strip("/"),
        method=str(scope.get("method", "GET")),
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        body=body,
        content_type=content_type,
        ip=client[0] if client else "127.0.0.1",
    )


async def _body(receive: Receive) -> bytes | None:
    """Read a request's body, None if it is larger than anything WeCom takes or its sender has left."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunks.append(message["body"])
        size += len(message["body"])
        if size > _BODY_LIMIT:
            return None
        if not message["more_body"]:
            return b"".join(chunks)


async def _send(send: Send, response: SimulatedResponse) -> None:
    headers = [(b"content-type", response.content_type.encode()), (b"content-length", b"%d" % len(response.body))]
    if response.file:
        # Raw UTF-8, as the servers of WeCom write names.
        name = _NOT_IN_A_HEADER.sub("", response.file).encode("utf-8", "replace")
        headers.append((b"content-disposition", b'attachment; filename="%s"' % name))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drop(scope: Scope, receive: Receive) -> None:
    extensions = cast("dict[str, dict[str, Callable[[], None]]]", scope["extensions"])
    extensions[_DROP]["now"]()
    await _left(receive)
