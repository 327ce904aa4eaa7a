"""Makes a case of a chain out of what somebody asked: masked, looked over, and added to the chain's draft."""

import asyncio
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from exports.records import Message
from exports.select import read_conversation
from pipeline.errors import ChainInvalid
from pipeline.text.privacy import Masker
from pipeline.text.unicode import beginning, wellformed
from web.console.pages import page, words_for
from web.console.request_models import whole_number
from web.operator.chains.case_adding import add_case
from web.operator.chains.deployment import deployment_of
from web.operator.chains.workspace import ChainWorkspace
from web.security.auditing import audit
from web.security.roles import Permission, signed_in
from web.wiring import Service

_Request = Request[Any, Any, Any]

_QUESTION, _ANSWER = 4000, 600


@dataclass(frozen=True, slots=True)
class CaseForm:
    """A case as it stands in the form."""

    chain: str = ""
    question: str = ""
    rubric: str = ""


def cases_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/conversations/{id_:str}/case/{turn:str}", permission=Permission.READ_CONVERSATIONS)
    async def ask(request: _Request, id_: FromPath[str], turn: FromPath[str]) -> Response[str]:
        number, place = whole_number(id_), whole_number(turn)
        found = None
        if number is not None and place is not None:
            found = await read_conversation(service.database, number, around=place, limit=1)
        if found is None or not found.transcript.messages:
            raise HTTPException(status_code=404, detail="console.conversations_gone")
        details = {"conversation": number, "first": place}
        await audit(service.database, request, "read", details, conversations=1, messages=2)
        said = {each.role: each for each in found.transcript.messages}
        form = await asyncio.to_thread(_filled, said.get("human"), said.get("ai"))
        rubric = words_for(request).text("console.conversations_case_like", answer=form.rubric) if form.rubric else ""
        form = CaseForm(form.chain, form.question, rubric)
        shown = {"form": form, "chains": service.catalog.names, "wrong": (), "added": False, "back": True}
        return page("case.html", request, status=200, tab="conversations", **shown)

    @post("/cases", permission=Permission.EDIT_CHAINS, status_code=200)
    async def add(request: _Request) -> Response[str]:
        given = await request.form()
        texts = (wellformed(str(given.get(name, ""))).replace("\r\n", "\n") for name in ("chain", "question", "rubric"))
        form = CaseForm(*texts)
        chains = service.catalog.names
        user = signed_in(request)
        back = user is not None and user.may(Permission.READ_CONVERSATIONS)
        try:
            deployment = await deployment_of(service.database)
            workspace = await asyncio.to_thread(ChainWorkspace, service.settings, deployment, service.database)
            await asyncio.to_thread(add_case, workspace, form.chain, question=form.question.strip(), rubric=form.rubric)
        except ChainInvalid as error:
            shown = {"form": form, "chains": chains, "wrong": error.problems, "added": False, "back": back}
            return page("case.html", request, status=400, tab="conversations", **shown)
        await audit(service.database, request, "chain_draft", {"chain": form.chain, "case": True})
        shown = {"form": form, "chains": chains, "wrong": (), "added": True, "back": back}
        return page("case.html", request, status=200, tab="conversations", **shown)

    return [ask, add]


def _filled(question: Message | None, answer: Message | None) -> CaseForm:
    masked = Masker()
    return CaseForm(
        answer.chain if answer else "",
        beginning(masked(question.text), _QUESTION) if question else "",
        beginning(masked(answer.text), _ANSWER) if answer else "",
    )
