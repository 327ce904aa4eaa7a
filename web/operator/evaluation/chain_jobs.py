"""Tests of a chain's cases and replays of real questions as jobs: begun once, run in the background, told as events."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from pydantic_core import to_json

from chains.catalog.config import ChainConfig
from chains.evaluation.case_report import case_document
from chains.evaluation.cases import run_cases
from pipeline.errors import ChainInvalid, SettingsInvalid
from pipeline.text.i18n import Catalogue, joined_sentences
from storage.conversations.audit_actions import Action
from storage.jobs.job_runner import JobFailed, JobKind, RunningJob
from storage.jobs.job_store import StoredJob
from web.operator.chains.deployment import Version
from web.operator.chains.overview import open_workspace
from web.operator.chains.replaying import ReplayedQuestion, ReplayEnd, ReplayWish, replay_chain
from web.operator.chains.trying import version_of_text
from web.operator.chains.workspace import ChainWorkspace
from web.operator.evaluation.trial_documents import pair_document
from web.operator.reports.chat_html import chat_html
from web.wiring import Service

CASES = "chain_test"
REPLAY = "chain_replay"
KINDS = (CASES, REPLAY)

_AT_ONCE = 3
_MOST = 200
_REPLAYS_KEPT_SECONDS = 7 * 86400.0
"""Long enough for colleagues to judge the answers, too."""
_MOST_REPLAYS = 500


def add_chain_jobs(service: Service) -> None:
    """Add these jobs to those a service runs; before its start, which goes on with what an earlier process left."""

    async def cases(running: RunningJob) -> None:
        ordered = running.job.ordered
        workspace, version = await _opened(service, running.job, ordered["text"])
        chain = version.chain
        running.total = len(chain.cases)
        await _emit(running, "begin", {"cases": running.total, "revision": chain.revision})
        catalogue = Catalogue(service.settings.chat.language)
        passed = 0
        at_once, fresh, tools = ordered["at_once"], ordered["fresh"], ordered["tools"]
        async with (
            workspace.tester(at_once=at_once, fresh=fresh, tools=tools, job=running.job.id) as tester,
            aclosing(run_cases(tester, [chain], judge=ordered["judge"])) as results,
        ):
            async for result in results:
                passed += result.passed
                html = await asyncio.to_thread(chat_html, result.tried.text, catalogue)
                await _emit(running, "case", case_document(result, catalogue) | {"html": html})
                running.done += 1
        running.result = {"passed": passed, "failed": running.total - passed}
        await _emit(running, "end", running.result)

    async def replay(running: RunningJob) -> None:
        ordered = running.job.ordered
        workspace, live = await _opened(service, running.job, ordered["live"])
        _, draft = await _opened(service, running.job, ordered["draft"])
        wish = ReplayWish(**ordered["wish"])
        # Those that were asked before it was begun: after a restart, the same ones.
        pairs = replay_chain(workspace, live.chain, draft.chain, wish, before=running.job.at, job=running.job.id)
        async with aclosing(pairs):
            async for piece in pairs:
                match piece:
                    case int():
                        running.total = piece
                        await _emit(running, "begin", _begin_document(piece, live.chain, draft.chain))
                    case ReplayedQuestion():
                        await _emit(
                            running,
                            "pair",
                            pair_document(piece, workspace, Catalogue(workspace.settings.chat.language)),
                        )
                        running.done += 1
                    case ReplayEnd():
                        running.result = asdict(piece)
                        await _emit(running, "end", running.result)

    service.jobs.add(CASES, JobKind(_with_problems(cases), at_once=_AT_ONCE, most=_MOST))
    kept = JobKind(_with_problems(replay), at_once=_AT_ONCE, most=_MOST_REPLAYS, kept_seconds=_REPLAYS_KEPT_SECONDS)
    service.jobs.add(REPLAY, kept)


async def begin_cases(
    service: Service, version: Version, *, judge: str, fresh: bool, at_once: int, tools: bool, by: str
) -> StoredJob:
    """Begin to run the cases of a version. Raises `TooManyJobs`."""
    ordered = {"text": version.text, "judge": judge, "fresh": fresh, "at_once": at_once, "tools": tools}
    return await service.jobs.begin(CASES, version.chain.name, ordered, by=by)


async def begin_replay(service: Service, live: Version, draft: Version, wish: ReplayWish, *, by: str) -> StoredJob:
    """Begin to put real questions to two versions. Raises `TooManyJobs`."""
    revisions = [live.chain.revision, draft.chain.revision]
    ordered = {"live": live.text, "draft": draft.text, "revisions": revisions, "wish": asdict(wish)}
    return await service.jobs.begin(REPLAY, live.chain.name, ordered, by=by)


async def list_chain_jobs(service: Service, name: str) -> Sequence[StoredJob]:
    """Return the jobs of a chain, the latest first."""
    return await service.jobs.list(KINDS, subject=name)


async def find_chain_job(service: Service, name: str, id_: str) -> StoredJob | None:
    """Return a job of a chain, None where it has none of this name."""
    job = await service.jobs.find(id_)
    return job if job is not None and job.kind in KINDS and job.subject == name else None


def action_of(job: StoredJob) -> Action:
    """Return what the audit calls a job of a chain."""
    return "chain_replay" if job.kind == REPLAY else "chain_test"


def _begin_document(questions: int, live: ChainConfig, draft: ChainConfig) -> dict[str, Any]:
    return {"questions": questions, "live": live.revision, "draft": draft.revision}


async def _opened(service: Service, job: StoredJob, text: str) -> tuple[ChainWorkspace, Version]:
    workspace = await open_workspace(service)
    return workspace, await version_of_text(workspace, job.subject, text)


def _with_problems(run: Callable[[RunningJob], Awaitable[None]]) -> Callable[[RunningJob], Awaitable[None]]:
    """Return what fails with the sentences of what is wrong with a chain or the settings."""

    async def running(job: RunningJob) -> None:
        try:
            await run(job)
        except (ChainInvalid, SettingsInvalid) as error:
            raise JobFailed(joined_sentences(error.problems)) from error

    return running


async def _emit(running: RunningJob, kind: str, value: Mapping[str, Any]) -> None:
    await running.emit(kind, to_json(value, fallback=str).decode())
