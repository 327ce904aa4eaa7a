"""Chains tried out by programs and pages: one question, the chain's cases, real questions again; streamed as events."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from litestar import Request, Response, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import ServerSentEvent, ServerSentEventMessage
from pydantic import Field
from pydantic_core import to_json

from chains.evaluation.tester import ToolTrace, TrialAnswer
from pipeline.errors import ChainInvalid, SettingsInvalid
from pipeline.text.i18n import Catalogue, error_text, in_language
from storage.jobs.job_runner import TooManyJobs
from web.api.chain_jobs_api import begun_job
from web.api.chains_api import LARGEST_TEXT
from web.api.job_streams import EVENTS, JobStatus, StreamedEvent
from web.api.openapi.described import describe
from web.console.chains.chain_actions import chain_problem
from web.console.pages import FRESH, words_for
from web.console.request_models import RequestModel, from_body
from web.operator.chains.deployment import Version
from web.operator.chains.overview import open_workspace
from web.operator.chains.replaying import ReplayWish
from web.operator.chains.trying import TrialBegun, try_version, version_of_text
from web.operator.chains.workspace import ChainWorkspace
from web.operator.evaluation.chain_jobs import begin_cases, begin_replay
from web.operator.evaluation.trial_documents import answer_document, request_document
from web.operator.reports.chat_html import chat_html
from web.security.auditing import audit, name_of
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


class TryRequest(_Version):
    """A question, and the version it is put to."""

    text: str = Field(min_length=1)


class CasesRequest(_Version):
    """Which version's cases are run, and how."""

    judge: str = "default"
    fresh: bool = False
    at_once: int = Field(default=4, ge=1, le=64)


class ReplayRequest(RequestModel):
    """Which questions are asked again, and how they are judged."""

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
        **describe(
            body=TryRequest,
            answer=StreamedEvent,
            media=EVENTS,
            problems=(404, 422),
        ),
        permission=Permission.EDIT_CHAINS,
        status_code=200,
        request_max_body_size=LARGEST_TEXT,
    )
    async def try_(request: _Request, name: FromPath[str]) -> ServerSentEvent:
        """Ask one question: `request`, then `text` and `tool` as they come, and `answer`."""
        asked = await from_body(TryRequest, request)
        workspace, version = await _meant(service, name, asked)
        events = _trial(workspace, version, asked, words_for(request))
        return ServerSentEvent(_shown(events, words_for(request)), headers=dict(FRESH))

    @post(
        "/chains/{name:str}/test",
        **describe(
            body=CasesRequest,
            answer=StreamedEvent,
            media=EVENTS,
            also={202: JobStatus},
            problems=(404, 409, 422),
            headers=("Accept",),
        ),
        permission=Permission.EDIT_CHAINS,
        status_code=200,
        request_max_body_size=LARGEST_TEXT,
    )
    async def test(request: _Request, name: FromPath[str]) -> Response[Any]:
        """Run the chain's cases as a job: `job`, `begin`, a `case` for each as it ends, and `end`."""
        asked = await from_body(CasesRequest, request)
        workspace, version = await _meant(service, name, asked)
        _check_judge(workspace, asked.judge)
        try:
            job = await begin_cases(
                service,
                version,
                judge=asked.judge,
                fresh=asked.fresh,
                at_once=asked.at_once,
                tools=asked.tools,
                by=name_of(request),
            )
        except TooManyJobs:
            raise HTTPException(status_code=409, detail="console.chains_jobs_full") from None
        await audit(service.database, request, "chain_test", {"chain": name, "job": job.id})
        return begun_job(service, request, job)

    @post(
        "/chains/{name:str}/replay",
        **describe(
            body=ReplayRequest,
            answer=StreamedEvent,
            media=EVENTS,
            also={202: JobStatus},
            problems=(404, 409, 422),
            headers=("Accept",),
        ),
        permission=Permission.EDIT_CHAINS,
        status_code=200,
        request_max_body_size=LARGEST_TEXT,
    )
    async def replay(request: _Request, name: FromPath[str]) -> Response[Any]:
        """Put real questions to draft and live as a job: `job`, `begin`, a `pair` for each, and `end` with the sums."""
        asked = await from_body(ReplayRequest, request)
        workspace, draft = await _meant(service, name, _Version(chain=asked.chain))
        if asked.rubric:
            _check_judge(workspace, asked.judge)
        try:
            live = await asyncio.to_thread(workspace.live, name)
        except ChainInvalid as error:
            raise chain_problem(error) from error
        wish = ReplayWish(
            last=asked.last,
            rubric=asked.rubric,
            judge=asked.judge,
            at_once=asked.at_once,
            fresh=asked.fresh,
            tools=asked.tools,
        )
        try:
            job = await begin_replay(service, live, draft, wish, by=name_of(request))
        except TooManyJobs:
            raise HTTPException(status_code=409, detail="console.chains_jobs_full") from None
        await audit(service.database, request, "chain_replay", {"chain": name, "last": asked.last})
        return begun_job(service, request, job)

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


async def _trial(workspace: ChainWorkspace, version: Version, asked: TryRequest, words: Catalogue) -> _Events:
    pieces = try_version(workspace, version.chain, asked.text, tools=asked.tools)
    async with aclosing(pieces):
        async for piece in pieces:
            match piece:
                case TrialBegun(sent, doubts):
                    yield _event(
                        "request", {**request_document(sent), "doubts": [in_language(each, words) for each in doubts]}
                    )
                case str():
                    yield _event("text", {"text": piece})
                case ToolTrace():
                    yield _event("tool", {"use": piece.use, "output": piece.output})
                case TrialAnswer():
                    html = await asyncio.to_thread(chat_html, piece.text, Catalogue(workspace.settings.chat.language))
                    yield _event("answer", answer_document(piece, workspace, words) | {"html": html})


def _event(kind: str, value: object) -> ServerSentEventMessage:
    return ServerSentEventMessage(event=kind, data=to_json(value, fallback=str).decode())


async def _shown(events: _Events, words: Catalogue) -> _Events:
    """End with what went wrong where something does: the answer has begun, and no status can say it any more."""
    async with aclosing(events):
        try:
            async for event in events:
                yield event
        except (ChainInvalid, SettingsInvalid) as error:
            yield _event("problem", {"detail": error_text(error, words)})
