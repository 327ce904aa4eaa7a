"""Tests and replays of a chain that run in the background, for programs and pages: listed, followed, cancelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, delete, get, post, put
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import ServerSentEvent

from storage.jobs.job_store import StoredJob
from storage.jobs.replay_judgements import Judged
from web.api.job_streams import EVENTS, JobStatus, StreamedEvent, job_stream, status_of
from web.api.openapi.described import describe
from web.console.pages import answer_json, words_for
from web.console.request_models import RequestModel, from_body, whole_number
from web.operator.evaluation.chain_jobs import REPLAY, action_of, find_chain_job, list_chain_jobs
from web.operator.evaluation.replay_judging import JudgementListing, NoSuchAnswer, judge_replayed, list_judgements
from web.security.auditing import audit, audit_replay_look, name_of
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]


class JudgementRequest(RequestModel):
    """What a user thinks of the draft's answer beside the live one; null takes it back."""

    verdict: Judged | None


@dataclass(frozen=True, slots=True)
class JobListing:
    """The jobs of a chain, the latest first."""

    items: Sequence[JobStatus]
    next: None = None


def chain_jobs_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    async def found(name: str, id_: str) -> StoredJob:
        job = await find_chain_job(service, name, id_)
        if job is None:
            raise HTTPException(status_code=404, detail="console.chains_job_gone")
        return job

    @get(
        "/chains/{name:str}/jobs",
        permission=Permission.EDIT_CHAINS,
        **describe(answer=JobListing),
    )
    async def jobs(request: _Request, name: FromPath[str]) -> JobListing:
        return JobListing([status_of(job, words_for(request)) for job in await list_chain_jobs(service, name)])

    @get(
        "/chains/{name:str}/jobs/{id_:str}",
        permission=Permission.EDIT_CHAINS,
        **describe(answer=JobStatus, problems=(404,)),
    )
    async def status(request: _Request, name: FromPath[str], id_: FromPath[str]) -> JobStatus:
        return status_of(await found(name, id_), words_for(request))

    @get(
        "/chains/{name:str}/jobs/{id_:str}/events",
        permission=Permission.EDIT_CHAINS,
        **describe(
            answer=StreamedEvent,
            media=EVENTS,
            problems=(404,),
            headers=("Last-Event-ID",),
        ),
    )
    async def events(request: _Request, name: FromPath[str], id_: FromPath[str]) -> ServerSentEvent:
        job = await found(name, id_)
        await audit_replay_look(service.database, request, job)
        return job_stream(service.jobs, request, job.id)

    @post(
        "/chains/{name:str}/jobs/{id_:str}/cancel",
        permission=Permission.EDIT_CHAINS,
        status_code=200,
        **describe(answer=JobStatus, problems=(404,)),
    )
    async def cancel(request: _Request, name: FromPath[str], id_: FromPath[str]) -> JobStatus:
        job = await found(name, id_)
        if await service.jobs.cancel(job.id):
            await audit(service.database, request, action_of(job), {"chain": name, "cancelled": id_})
        return status_of(await found(name, id_), words_for(request))

    @delete(
        "/chains/{name:str}/jobs/{id_:str}",
        permission=Permission.EDIT_CHAINS,
        **describe(problems=(404,)),
    )
    async def remove(request: _Request, name: FromPath[str], id_: FromPath[str]) -> None:
        job = await found(name, id_)
        await service.jobs.remove(job.id)
        await audit(service.database, request, action_of(job), {"chain": name, "removed": id_})

    async def found_replay(name: str, id_: str) -> StoredJob:
        job = await found(name, id_)
        if job.kind != REPLAY:
            raise HTTPException(status_code=404, detail="console.chains_job_gone")
        return job

    @get(
        "/chains/{name:str}/jobs/{id_:str}/judgements",
        permission=Permission.EDIT_CHAINS,
        **describe(answer=JudgementListing, problems=(404,)),
    )
    async def judgements(name: FromPath[str], id_: FromPath[str]) -> JudgementListing:
        return await list_judgements(service, await found_replay(name, id_))

    @put(
        "/chains/{name:str}/jobs/{id_:str}/judgements/{trace:str}",
        permission=Permission.EDIT_CHAINS,
        **describe(body=JudgementRequest, answer=JudgementListing, problems=(404,)),
    )
    async def judge(
        request: _Request, name: FromPath[str], id_: FromPath[str], trace: FromPath[str]
    ) -> JudgementListing:
        asked = await from_body(JudgementRequest, request)
        job = await found_replay(name, id_)
        try:
            await judge_replayed(service, job, whole_number(trace) or 0, asked.verdict, by=name_of(request))
        except NoSuchAnswer:
            raise HTTPException(status_code=404, detail="console.replay_no_answer") from None
        return await list_judgements(service, job)

    return [jobs, status, events, cancel, remove, judgements, judge]


def begun_job(service: Service, request: _Request, job: StoredJob) -> Response[Any]:
    """Answer with the events of a job just begun, or with its status to programs that ask for JSON alone."""
    if request.headers.get("accept", "").strip().startswith("application/json"):
        return answer_json(status_of(job, words_for(request)), status=202)
    return job_stream(service.jobs, request, job.id)
