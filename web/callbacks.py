"""The channels' paths: what comes in is verified, stored, and only then acknowledged."""

import asyncio
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from pipeline import meters
from pipeline.errors import BadCallback, TryAgain
from pipeline.intake import Intake
from pipeline.ports import Call, Channel

log = structlog.get_logger()

LARGEST_BODY = 64 * 1024
"""Bytes; a callback is a few kilobytes (protocol.md 1.5)."""
_BODY_SECONDS = 4.0
_METHODS = ("GET", "POST")


class _Unreadable(Exception):
    """The request has no body that could be read; its argument is the HTTP status that says so."""


def callback_route(channel: Channel, path: str, intake: Intake) -> ASGIRouteHandler:
    """Make the route at which one channel's platform calls.

    It stands on ASGI itself: what the framework does for a handler took a fifth of accepting a message.
    """

    @asgi(path, name=f"callback {channel.name}", copy_scope=False)
    async def receive(scope: Scope, receive: Receive, send: Send) -> None:
        status, body = await _receive(channel, intake, Request(scope, receive, send))
        meters.CALLBACKS.labels(channel.name, str(status)).inc()
        await _answer(send, status, body.encode())

    return receive


async def _receive(channel: Channel, intake: Intake, request: Request[Any, Any, Any]) -> tuple[int, str]:
    if request.method not in _METHODS:
        return 405, ""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await _body(request.receive)
    except TimeoutError:
        return 408, ""
    except _Unreadable as error:
        return error.args[0], ""
    try:
        answer, event = channel.receive(Call(request.method, dict(request.query_params.items()), body))
    except BadCallback as error:
        log.info("callback_refused", channel=channel.name, code=error.code, reason=str(error))
        return error.status, ""
    if event is not None:
        try:
            new = await intake.accept(event)
        except TryAgain as error:
            # Anything but 200 makes the platform deliver it again.
            log.error("callback_not_stored", channel=channel.name, key=event.key, reason=str(error))  # noqa: TRY400
            return 500, ""
        log.debug("callback_accepted", channel=channel.name, key=event.key, new=new)
    return answer.status, answer.body


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", ", ".join(_METHODS).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _Unreadable(400)
        body += message["body"]
        if len(body) > LARGEST_BODY:
            raise _Unreadable(413)
        if not message["more_body"]:
            return bytes(body)
