"""Chains tried out by programs and pages: one question, the chain's cases, real questions again; streamed as events."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import ServerSentEvent, ServerSentEventMessage
from pydantic import Field
from pydantic_core import to_json

from chains.conversation.request import ModelRequest
from chains.evaluation.case_report import case_document
from chains.evaluation.cases import run_cases
from chains.evaluation.tester import ToolTrace, TrialAnswer
from chains.models.prices import MILLION
from pipeline.errors import ChainInvalid, SettingsInvalid
from pipeline.text.i18n import Catalogue, in_language
from web.api.chains_api import LARGEST_TEXT
from web.console.chains.chain_actions import chain_problem
from web.console.pages import FRESH, words_for
from web.console.request_models import RequestModel, from_body
from web.operator.chains.deployment import Version
from web.operator.chains.overview import open_workspace
from web.operator.chains.replaying import ReplayedQuestion, ReplayEnd, ReplayWish, replay_chain
from web.operator.chains.trying import TrialBegun, try_version, version_of_text
from web.operator.chains.workspace import ChainWorkspace
from web.security.auditing import audit
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]
_Events = AsyncGenerator[ServerSentEventMessage]


class _Version(RequestModel):
    chain: str | None = None
    """The text to try, stored nowhere; left out, the draft, or what is live where there is none."""
    live: bool = False
    """Take what is live, not the draft."""
    tools: bool = True


class _Try(_Version):
    text: str = Field(min_length=1)


class _Test(_Version):
    judge: str = "default"
    fresh: bool = False
    at_once: int = Field(default=4, ge=1, le=64)


class _Replay(RequestModel):
    chain: str | None = None
    last: int = Field(default=20, ge=1, le=1000)
    rubric: str = ""
    """What makes an answer better; empty for no judgement by a model."""
    judge: str = "default"
    fresh: bool = False
    tools: bool = True
    at_once: int = Field(default=4, ge=1, le=64)


def chain_trials_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @post(
        "/chains/{name:str}/try",
        permission=Permission.EDIT_CHAINS,
        status_code=200,
        request_max_body_size=LARGEST_TEXT,
    )
    async def try_(request: _Request, name: FromPath[str]) -> ServerSentEvent:
        """Ask one question: `request`, then `text` and `tool` as they come, and `answer`."""
        asked = await from_body(_Try, request)
        workspace, version = await _meant(service, name, asked)
        return _stream(_trial(workspace, version, asked, words_for(request)))

    @post(
        "/chains/{name:str}/test",
        permission=Permission.EDIT_CHAINS,
        status_code=200,
        request_max_body_size=LARGEST_TEXT,
    )
    async def test(request: _Request, name: FromPath[str]) -> ServerSentEvent:
        """Run the chain's cases: `begin`, a `case` for each as it ends, and `end`."""
        asked = await from_body(_Test, request)
        workspace, version = await _meant(service, name, asked)
        _check_judge(workspace, asked.judge)
        return _stream(_cases(workspace, version, asked))

    @post(
        "/chains/{name:str}/replay",
        permission=Permission.EDIT_CHAINS,
        status_code=200,
        request_max_body_size=LARGEST_TEXT,
    )
    async def replay(request: _Request, name: FromPath[str]) -> ServerSentEvent:
        """Put real questions to the draft and to what is live: `begin`, a `pair` for each, and `end` with the sums."""
        asked = await from_body(_Replay, request)
        workspace, draft = await _meant(service, name, _Version(chain=asked.chain))
        if asked.rubric:
            _check_judge(workspace, asked.judge)
        try:
            live = await asyncio.to_thread(workspace.live, name)
        except ChainInvalid as error:
            raise chain_problem(error) from error
        await audit(service.database, request, "chain_replay", {"chain": name, "last": asked.last})
        return _stream(_pairs(workspace, live, draft, asked))

    return [try_, test, replay]


async def _meant(service: Service, name: str, asked: _Version) -> tuple[ChainWorkspace, Version]:
    """Return the version that is asked for, from its text or from where it is kept."""
    workspace = await open_workspace(service)
    try:
        if asked.chain is not None:
            return workspace, await version_of_text(workspace, name, asked.chain)
        return workspace, await asyncio.to_thread(workspace.version, name, live=asked.live)
    except ChainInvalid as error:
        raise chain_problem(error) from error


def _check_judge(workspace: ChainWorkspace, judge: str) -> None:
    try:
        workspace.models.check(judge)
    except SettingsInvalid as error:
        raise chain_problem(ChainInvalid(*error.problems)) from error


async def _trial(workspace: ChainWorkspace, version: Version, asked: _Try, words: Catalogue) -> _Events:
    pieces = try_version(workspace, version.chain, asked.text, tools=asked.tools)
    async with aclosing(pieces):
        async for piece in pieces:
            match piece:
                case TrialBegun(sent, doubts):
                    yield _event("request", {**_sent(sent), "doubts": [in_language(each, words) for each in doubts]})
                case str():
                    yield _event("text", {"text": piece})
                case ToolTrace():
                    yield _event("tool", {"use": piece.use, "output": piece.output})
                case TrialAnswer():
                    yield _event("answer", answer_document(piece, workspace))


async def _cases(workspace: ChainWorkspace, version: Version, asked: _Test) -> _Events:
    chain = version.chain
    yield _event("begin", {"cases": len(chain.cases), "revision": chain.revision})
    passed = 0
    async with workspace.tester(at_once=asked.at_once, fresh=asked.fresh, tools=asked.tools) as tester:
        results = run_cases(tester, [chain], judge=asked.judge)
        async with aclosing(results):
            async for result in results:
                passed += result.passed
                yield _event("case", case_document(result))
    yield _event("end", {"passed": passed, "failed": len(chain.cases) - passed})


async def _pairs(workspace: ChainWorkspace, live: Version, draft: Version, asked: _Replay) -> _Events:
    wish = ReplayWish(
        last=asked.last,
        rubric=asked.rubric,
        judge=asked.judge,
        at_once=asked.at_once,
        fresh=asked.fresh,
        tools=asked.tools,
    )
    pairs = replay_chain(workspace, live.chain, draft.chain, wish)
    async with aclosing(pairs):
        async for piece in pairs:
            match piece:
                case int():
                    revisions = {"live": live.chain.revision, "draft": draft.chain.revision}
                    yield _event("begin", {"questions": piece, **revisions})
                case ReplayedQuestion():
                    yield _event(
                        "pair",
                        {
                            "trace": piece.compared.question.trace,
                            "question": piece.compared.question.text,
                            "changed": piece.compared.changed,
                            "live": answer_document(piece.compared.live, workspace),
                            "draft": answer_document(piece.compared.draft, workspace),
                            "differences": piece.differences,
                            "verdict": piece.verdict,
                            "why": piece.why,
                        },
                    )
                case ReplayEnd():
                    yield _event("end", piece)


def answer_document(tried: TrialAnswer, workspace: ChainWorkspace) -> dict[str, object]:
    """Return what came of a question, for programs."""
    return {
        "text": tried.text,
        "error": tried.error,
        "model": tried.model,
        "table": tried.table,
        "stood_in": tried.stood_in,
        "cut": tried.cut,
        "faults": [] if tried.error else list(tried.unfit),
        "cached": tried.cached,
        "milliseconds": tried.milliseconds,
        "first_milliseconds": tried.first_milliseconds,
        "input_tokens": tried.input_tokens,
        "output_tokens": tried.output_tokens,
        "cost": tried.cost / MILLION,
        "currency": workspace.settings.budgets.currency,
        "tools": tried.tools,
    }


def _sent(sent: ModelRequest) -> dict[str, object]:
    return {
        "model": sent.model,
        "revision": sent.chain.revision,
        "messages": [{"role": role, "text": text} for role, text in sent.transcript()],
        "options": dict(sent.options),
        "tools": list(sent.tools),
    }


def _event(kind: str, value: object) -> ServerSentEventMessage:
    return ServerSentEventMessage(event=kind, data=to_json(value, fallback=str).decode())


def _stream(events: _Events) -> ServerSentEvent:
    return ServerSentEvent(_shown(events), headers=dict(FRESH))


async def _shown(events: _Events) -> _Events:
    """End with what went wrong where something does: the answer has begun, and no status can say it any more."""
    async with aclosing(events):
        try:
            async for event in events:
                yield event
        except (ChainInvalid, SettingsInvalid) as error:
            yield _event("problem", {"detail": "\n".join(error.problems)})
