"""The channels' paths: what comes in is verified, stored, and only then acknowledged."""

import asyncio
from typing import Any

import structlog
from litestar import HttpMethod, MediaType, Request, Response, route
from litestar.exceptions import ClientException, HTTPException
from litestar.handlers import HTTPRouteHandler

from pipeline import meters
from pipeline.errors import BadCallback, TryAgain
from pipeline.intake import Intake
from pipeline.ports import Call, Channel

log = structlog.get_logger()

LARGEST_BODY = 64 * 1024
"""Bytes; a callback is a few kilobytes (protocol.md 1.5)."""
_BODY_SECONDS = 4.0


def callback_route(channel: Channel, path: str, intake: Intake) -> HTTPRouteHandler:
    """Make the route at which one channel's platform calls."""

    @route(
        path,
        http_method=[HttpMethod.GET, HttpMethod.POST],
        media_type=MediaType.TEXT,
        request_max_body_size=LARGEST_BODY,
        exception_handlers={HTTPException: _nothing_to_read},
        name=f"callback {channel.name}",
    )
    async def receive(request: Request[Any, Any, Any]) -> Response[str]:
        status, body = await _receive(channel, intake, request)
        meters.CALLBACKS.labels(channel.name, str(status)).inc()
        return Response(body, status_code=status, media_type=MediaType.TEXT)

    return receive


async def _receive(channel: Channel, intake: Intake, request: Request[Any, Any, Any]) -> tuple[int, str]:
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await request.body()
    except TimeoutError:
        return 408, ""
    except ClientException as error:
        return error.status_code, ""
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


def _nothing_to_read(_request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
    return Response("", status_code=error.status_code, media_type=MediaType.TEXT)
