"""What the shell asks of a running service: the routes under /operations, for programs that can read its token.

A SQLite file has one owner, so what changes turns must go through it.
"""

import asyncio
from typing import Any

from litestar import Request, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from pipeline.errors import TryAgain
from pipeline.text.i18n import Sentence
from storage.database.access import identity
from storage.turns.retries import run_again
from web.console.pages import refused
from web.console.request_models import from_body
from web.retry_messages import RETRY, RetryAsked, RetryResponse
from web.security.guard import ConsoleGuard
from web.wiring import Service


def operation_routes(service: Service, guard: ConsoleGuard) -> list[HTTPRouteHandler]:
    """Make the routes; settings that open the console to other machines do not open these."""

    @post(
        RETRY,
        status_code=200,
        guards=[guard.check_program],
        exception_handlers={HTTPException: refused},
    )
    async def retry_turns(request: Request[Any, Any, Any]) -> RetryResponse:
        asked = await from_body(RetryAsked, request)
        # Two services on one machine number their turns alike.
        if asked.database != await asyncio.to_thread(identity, service.database.url):
            raise HTTPException(status_code=409, detail=Sentence("request.other_database"))
        try:
            return RetryResponse(tuple(await run_again(service.database, service.worker, asked.ids)))
        except TryAgain as error:
            raise HTTPException(status_code=503, detail=error.args[0]) from error

    return [retry_turns]
