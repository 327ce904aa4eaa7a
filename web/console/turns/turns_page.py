"""Shows turns that wait, failed or were not delivered, and runs failed ones again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import MediaType, Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from pipeline.errors import TryAgain
from pipeline.text.i18n import Sentence
from pipeline.text.stored_sentences import stored_sentence
from storage.monitoring.views import TurnView, Which, find_turn, oldest_turns
from storage.turns.retries import run_again
from web.console.pages import FRESH, page, path_of, rendered_in_turns, words_for
from web.console.recent_look import RecentLook
from web.console.request_models import whole_number
from web.security.auditing import audit
from web.security.roles import Permission, signed_in
from web.wiring import Service

_Request = Request[Any, Any, Any]

_REMEDIES = {
    "reason.no_channel": "console.turns_remedy_channel",
    "reason.no_answer_within": "console.turns_remedy_time",
    "reason.own_limit": "console.turns_remedy_pace",
    "reason.begun": "console.turns_remedy_crash",
    "reason.answering_broke": "console.turns_remedy_bug",
    "reason.sending_broke": "console.turns_remedy_bug",
    "reason.keeping_broke": "console.turns_remedy_bug",
}
"""What to do about a failed turn, by the sentence of its reason; without one, what holds for a model's failure."""

SHOWN = 50
"""Turns of each kind; the oldest come first, and what follows them comes up when they are settled."""


@dataclass(frozen=True, slots=True)
class TurnList:
    """The oldest turns that wait or that failed, of `count` in all; each with its remedy where it failed."""

    which: Which
    count: int
    turns: Sequence[tuple[TurnView, str]]

    @property
    def more(self) -> int:
        """Return how many are not shown."""
        return self.count - len(self.turns)


def turns_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    async def listed(which: Which) -> TurnList:
        turns, count = await oldest_turns(service.database, which, limit=SHOWN)
        shown = [(turn, _remedy_for(turn) if which == "failed" else "") for turn in turns]
        return TurnList(which, count, shown)

    async def both() -> tuple[TurnList, TurnList]:
        return await listed("failed"), await listed("waiting")

    looks = RecentLook(both)

    @get("/turns", permission=Permission.READ_TURNS)
    async def show(request: _Request) -> Response[str]:
        retried = request.query_params.get("retried", "")
        running = service.worker.running
        return page("turns.html", request, tab="turns", retried=retried, lists=await both(), running=running)

    @get("/turns/list", permission=Permission.READ_TURNS)
    async def refresh(request: _Request) -> Response[str]:
        look, words, user = await looks.get(), words_for(request), signed_in(request)
        to = path_of(request)

        async def made() -> str:
            return await rendered_in_turns(
                "turns_list.html", words, to=to, user=user, lists=look.found, running=service.worker.running
            )

        # All that the list differs by from one who looks to another.
        may_retry = user is not None and user.may(Permission.RETRY_TURNS)
        html = await look.page((words.language, to("/turns"), may_retry), made)
        return Response(html, media_type=MediaType.HTML, headers=FRESH)

    @get("/turns/{turn_id:str}", permission=Permission.READ_TURNS)
    async def detail(request: _Request, turn_id: FromPath[str]) -> Response[str]:
        number = whole_number(turn_id)
        found = await find_turn(service.database, number) if number else None
        if found is None:
            raise HTTPException(status_code=404, detail="console.turns_unknown")
        user = signed_in(request)
        words = user is not None and user.may(Permission.READ_CONVERSATIONS) and "words" in request.query_params
        if words:
            await audit(
                service.database, request, "read", {"turns": [found.turn.id], "user": found.turn.user}, messages=1
            )
        return page("turn.html", request, tab="turns", detail=found, words=words, remedy=_remedy_for(found.turn))

    @post("/turns/retry", permission=Permission.RETRY_TURNS)
    async def again(request: _Request) -> Redirect:
        form = await request.form()
        number = whole_number(str(form.get("id", "")))
        if number is None and form.get("id") != "all":
            raise HTTPException(status_code=400, detail="console.bad_form")
        try:
            done = await run_again(service.database, service.worker, None if number is None else [number])
        except TryAgain as error:
            raise HTTPException(status_code=503, detail="console.turns_not_retried") from error
        count = sum(each.runs_again for each in done)
        which = [number] if number else "all"
        await audit(service.database, request, "retry", {"turns": which}, messages=count)
        return Redirect(path_of(request)("/turns", retried=str(count)), status_code=303)

    return [show, refresh, detail, again]


def _remedy_for(turn: TurnView) -> str:
    """Return the key of the sentence that says what to do about a turn that failed or was not delivered."""
    if turn.state == "undelivered":
        return "console.turns_remedy_held" if turn.held else "console.turns_remedy_undelivered"
    said = stored_sentence(turn.reason)
    return _REMEDIES.get(said.key if isinstance(said, Sentence) else "", "console.turns_remedy_model")
