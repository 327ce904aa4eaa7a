"""The channels' paths: what comes in is verified, stored, and only then acknowledged."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any, get_args

import structlog
from litestar import Request, asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from adapters.aibot.callback.callback_envelope import LARGEST_BODY as LARGEST_BOT_BODY
from adapters.channel_kind import OpenedChannel
from pipeline import metrics
from pipeline.errors import BadCallback, TryAgain, WriteRefused
from pipeline.lanes import Intake
from pipeline.ports import Channel, WebhookRequest, WebhookResponse
from pipeline.text.i18n import Language, load_sentences

log = structlog.get_logger()

LARGEST_BODY = 64 * 1024
"""Bytes; a callback is a few kilobytes (wecom-protocol.md 1)."""
_BODY_SECONDS = 4.0
_RESPOND_SECONDS = 4.5
"""Within which a call that is not only heard is answered; WeCom waits for five."""
_METHODS = ("GET", "POST")
_HERE = "\n".join(load_sentences(language)["console.callback_here"] for language in get_args(Language)) + "\n"
"""What a person is answered, in both languages: whoever tries the proxy need not be the one who set the language."""


class _Unreadable(Exception):
    """The request has no body that could be read; `status` is HTTP's, `reason` a word to count it under."""

    def __init__(self, message: str, *, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def callback_route(opened: OpenedChannel, intake: Intake) -> ASGIRouteHandler:
    """Make the route at which one channel's platform calls.

    It stands on ASGI itself: what the framework does for a handler took a fifth of accepting a message.
    """
    channel = opened.channel

    @asgi(opened.path, name=f"callback {channel.name}", copy_scope=False)
    async def receive(scope: Scope, receive: Receive, send: Send) -> None:
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        if _is_a_look(request):
            await _answer(send, 400, _HERE.encode())
            return
        status, body = await _receive(opened, intake, request)
        metrics.CALLBACKS.labels(channel.name, str(status)).inc()
        await _answer(send, status, body.encode())

    return receive


def _is_a_look(request: Request[Any, Any, Any]) -> bool:
    """Whether a person has opened the path, in a browser or with curl, to see if the proxy passes it on.

    WeCom always calls with a query.
    """
    return request.method == "GET" and not request.query_params


async def _receive(opened: OpenedChannel, intake: Intake, request: Request[Any, Any, Any]) -> tuple[int, str]:
    channel = opened.channel
    if request.method not in _METHODS:
        return _refused(channel, 405, "method", f"WeCom calls with {' or '.join(_METHODS)} alone")
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            most = LARGEST_BODY if opened.respond is None else LARGEST_BOT_BODY
            body = await _body(request.receive, most)
    except TimeoutError:
        return _refused(channel, 408, "slow", f"the body was not there within {_BODY_SECONDS:g} s")
    except _Unreadable as error:
        return _refused(channel, error.status, error.reason, str(error))
    call = WebhookRequest(request.method, dict(request.query_params.items()), body)
    try:
        if opened.respond is not None:
            return await _respond(channel, opened.respond(call, intake.accept))
        return await _accept(channel, intake, call)
    except BadCallback as error:
        return _refused(channel, error.status, error.reason, str(error), code=error.code)


async def _accept(channel: Channel, intake: Intake, call: WebhookRequest) -> tuple[int, str]:
    """Store what a call brings, and return what it is answered with."""
    answer, event = channel.receive(call)
    if event is not None:
        try:
            new = await intake.accept(event)
        except (TryAgain, WriteRefused) as error:
            # Anything but 200 makes the platform deliver it again.
            log.error("callback_not_stored", channel=channel.name, key=event.key, reason=str(error))  # noqa: TRY400
            return 500, ""
        log.debug("callback_accepted", channel=channel.name, key=event.key, new=new)
    return answer.status, answer.body


async def _respond(channel: Channel, response: Awaitable[WebhookResponse]) -> tuple[int, str]:
    """Return what a channel answers by itself."""
    try:
        async with asyncio.timeout(_RESPOND_SECONDS):
            answer = await response
    except (TryAgain, WriteRefused, TimeoutError) as error:
        # Anything but 200 makes the platform ask again.
        log.error("callback_not_answered", channel=channel.name, reason=str(error) or "too slow")  # noqa: TRY400
        return 500, ""
    return answer.status, answer.body


def _refused(channel: Channel, status: int, kind: str, reason: str, *, code: int | None = None) -> tuple[int, str]:
    """Count a refusal and log it; `web.logs.log_limits` writes the first such line of a minute."""
    metrics.REFUSED_CALLBACKS.labels(channel.name, kind).inc()
    more = {} if code is None else {"code": code}
    log.warning("callback_refused", channel=channel.name, status=status, reason=reason, **more)
    return status, ""


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", ", ".join(_METHODS).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _body(receive: Receive, most: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _Unreadable("the client left before its body was whole", status=400, reason="gone")
        body += message["body"]
        if len(body) > most:
            raise _Unreadable(f"a body of more than {most} bytes", status=413, reason="too_large")
        if not message["more_body"]:
            return bytes(body)
