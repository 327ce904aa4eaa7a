"""Turns that wait or failed, for programs; nobody's words are in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from litestar import Request, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, JSONBody, QueryParameter

from pipeline.errors import TryAgain
from storage.monitoring.views import TurnView, Which, oldest_turns
from storage.turns.retries import Retried, run_again
from web.security.auditing import audit
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_Limit = Annotated[int, QueryParameter(ge=1, le=200)]
_MOST_IDS = 1000


@dataclass(frozen=True, slots=True)
class TurnPage:
    """The oldest turns that wait or that failed, of `count` in all."""

    count: int
    items: Sequence[TurnView]


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """Which turns to run again: their numbers, or `all` that failed."""

    ids: Sequence[int] | Literal["all"]


@dataclass(frozen=True, slots=True)
class RetryAnswer:
    """What came of each."""

    items: Sequence[Retried]


def turns_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/turns", permission=Permission.READ_TURNS)
    async def turns(which: FromQuery[Which] = "failed", limit: _Limit = 50) -> TurnPage:
        found, count = await oldest_turns(service.database, which, limit=limit)
        return TurnPage(count, found)

    @post("/turns/retry", status_code=200, permission=Permission.RETRY_TURNS)
    async def again(request: _Request, data: JSONBody[RetryRequest]) -> RetryAnswer:
        ids = data.ids
        if ids != "all" and (len(ids) > _MOST_IDS or not all(0 < one < 2**63 for one in ids)):
            raise HTTPException(status_code=400, detail="console.bad_form")
        try:
            done = await run_again(service.database, service.worker, None if ids == "all" else ids)
        except TryAgain as error:
            raise HTTPException(status_code=503, detail="console.turns_not_retried") from error
        count = sum(each.runs_again for each in done)
        await audit(service.database, request, "retry", {"turns": ids}, messages=count)
        return RetryAnswer(done)

    return [turns, again]
