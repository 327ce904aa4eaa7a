"""Real questions put to a chain's draft and to what is live, side by side; without a script all at once."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pipeline.errors import ChainInvalid, SettingsInvalid
from web.console.chains.chain_actions import chain_problem, unknown_chain
from web.console.pages import page, words_for
from web.console.request_models import whole_number
from web.operator.chains.deployment import Version
from web.operator.chains.overview import find_chain, open_workspace
from web.operator.chains.release_words import name_people
from web.operator.chains.replaying import ReplayedQuestion, ReplayEnd, ReplayWish, replay_chain
from web.operator.chains.workspace import ChainWorkspace
from web.security.auditing import audit
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_LONGEST_RUBRIC = 4000
_MOST_QUESTIONS = 1000


@dataclass(slots=True)
class ReplayResult:
    """What a replay without a script came to."""

    pairs: list[ReplayedQuestion] = field(default_factory=list)
    end: ReplayEnd | None = None
    wrong: str = ""


def replay_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/chains/{name:str}/replay", permission=Permission.EDIT_CHAINS)
    async def show(request: _Request, name: FromPath[str]) -> Response[str]:
        return await _page(request, name, ReplayWish(), None)

    @post("/chains/{name:str}/replay", permission=Permission.EDIT_CHAINS, status_code=200)
    async def run(request: _Request, name: FromPath[str]) -> Response[str]:
        wish = _wish(dict(await request.form()))
        workspace = await open_workspace(service)
        result = ReplayResult()
        try:
            live = await asyncio.to_thread(workspace.live, name)
            draft = await asyncio.to_thread(workspace.version, name)
            if wish.rubric:
                workspace.models.check(wish.judge)
            await audit(service.database, request, "chain_replay", {"chain": name, "last": wish.last})
            async for piece in replay_chain(workspace, live.chain, draft.chain, wish):
                match piece:
                    case ReplayedQuestion():
                        result.pairs.append(piece)
                    case ReplayEnd():
                        result.end = piece
                    case int():
                        pass
        except (ChainInvalid, SettingsInvalid) as error:
            result.wrong = "\n".join(str(each) for each in error.problems)
        return await _page(request, name, wish, result)

    async def _page(request: _Request, name: str, wish: ReplayWish, result: ReplayResult | None) -> Response[str]:
        workspace = await open_workspace(service)
        chain = await find_chain(workspace, name)
        if chain is None:
            raise unknown_chain(workspace, name)
        draft, wrong = await _draft(workspace, name)
        return page(
            "chain_replay.html",
            request,
            tab="chains",
            chain=chain,
            draft_revision=draft.chain.revision if draft else "",
            wrong=wrong,
            wish=wish,
            result=result,
            models=list(workspace.models.names),
            currency=service.settings.budgets.currency,
            asked_of_nobody=not service.settings.replay.users,
            people=name_people,
            words=words_for(request),
        )

    return [show, run]


async def _draft(workspace: ChainWorkspace, name: str) -> tuple[Version | None, str]:
    """Return a chain's draft, None for none; and what keeps it from being asked."""
    try:
        if not await asyncio.to_thread(workspace.draft_file(name).exists):
            return None, ""
        return await asyncio.to_thread(workspace.draft, name), ""
    except ChainInvalid as error:
        return None, str(chain_problem(error).detail)


def _wish(form: dict[str, Any]) -> ReplayWish:
    last = whole_number(str(form.get("last", "")))
    if last is None or not 1 <= last <= _MOST_QUESTIONS:
        raise HTTPException(status_code=422, detail="console.bad_form")
    return ReplayWish(
        last=last,
        rubric=str(form.get("rubric", "")).strip()[:_LONGEST_RUBRIC],
        judge=str(form.get("judge", "default")),
        fresh="fresh" in form,
        tools="tools" in form,
    )
