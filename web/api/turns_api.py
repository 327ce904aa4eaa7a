"""Turns that wait or failed, for programs; nobody's words are in them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from litestar import Request, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from pydantic import Field

from pipeline.errors import TryAgain
from pipeline.text.stored_sentences import stored_in_language
from storage.monitoring.views import TurnView, Which, oldest_turns
from storage.turns.retries import Retried, run_again
from web.api.openapi.described import describe
from web.console.pages import words_for
from web.console.request_models import RequestModel, from_body, from_query
from web.security.auditing import audit
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_MOST_IDS = 1000


class _TurnsQuery(RequestModel):
    which: Which = "failed"
    limit: int = Field(default=50, ge=1, le=200)


class RetryRequest(RequestModel):
    """Which turns to run again: their numbers, or `all` that failed."""

    ids: Annotated[list[Annotated[int, Field(gt=0, lt=2**63)]], Field(max_length=_MOST_IDS)] | Literal["all"]


@dataclass(frozen=True, slots=True)
class TurnPage:
    """The oldest turns that wait or that failed, of `count` in all."""

    count: int
    items: Sequence[TurnView]


@dataclass(frozen=True, slots=True)
class RetryAnswer:
    """What came of each."""

    items: Sequence[Retried]


def turns_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get(
        "/turns",
        permission=Permission.READ_TURNS,
        **describe(query=_TurnsQuery, answer=TurnPage),
    )
    async def turns(request: _Request) -> TurnPage:
        asked = from_query(_TurnsQuery, request)
        found, count = await oldest_turns(service.database, asked.which, limit=asked.limit)
        words = words_for(request)
        # Stored as English text, read in the language of whoever asks.
        return TurnPage(count, [replace(each, reason=stored_in_language(each.reason, words)) for each in found])

    @post(
        "/turns/retry",
        status_code=200,
        permission=Permission.RETRY_TURNS,
        **describe(body=RetryRequest, answer=RetryAnswer),
    )
    async def again(request: _Request) -> RetryAnswer:
        ids = (await from_body(RetryRequest, request)).ids
        try:
            done = await run_again(service.database, service.worker, None if ids == "all" else ids)
        except TryAgain as error:
            raise HTTPException(status_code=503, detail="console.turns_not_retried") from error
        count = sum(each.runs_again for each in done)
        await audit(service.database, request, "retry", {"turns": ids}, messages=count)
        return RetryAnswer(done)

    return [turns, again]
