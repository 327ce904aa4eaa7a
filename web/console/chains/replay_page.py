"""Real questions put to a chain's draft and to what is live, side by side, as a job with a page of its own."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect
from markupsafe import Markup

from pipeline.errors import ChainInvalid, SettingsInvalid
from pipeline.text.i18n import Catalogue, error_text
from storage.jobs.job_runner import TooManyJobs
from storage.jobs.job_store import StoredJob, events_of
from storage.jobs.replay_judgements import Judged
from web.console.chains.chain_actions import unknown_chain
from web.console.pages import FRESH, page, path_of, words_for
from web.console.request_models import whole_number
from web.operator.chains.deployment import Version
from web.operator.chains.overview import find_chain, open_workspace
from web.operator.chains.release_words import name_people
from web.operator.chains.replaying import ReplayWish
from web.operator.chains.workspace import ChainWorkspace
from web.operator.evaluation.chain_jobs import REPLAY, begin_replay, find_chain_job, list_chain_jobs
from web.operator.evaluation.replay_judging import (
    JudgementListing,
    NoSuchAnswer,
    judge_replayed,
    list_judgements,
    pairs_of,
    replay_csv,
)
from web.security.auditing import audit, audit_replay_look, name_of
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_LONGEST_RUBRIC = 4000
_MOST_QUESTIONS = 1000
_VERDICTS: Mapping[str, Judged] = {"better": "better", "same": "same", "worse": "worse"}


@dataclass(frozen=True, slots=True)
class ReplayView:
    """A replay as far as it is; `end` is empty before its end, `revisions` before its first question."""

    job: StoredJob
    revisions: tuple[str, str]
    pairs: Sequence[Mapping[str, Any]]
    end: Mapping[str, Any]
    judged: JudgementListing


def replay_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/chains/{name:str}/replay", permission=Permission.EDIT_CHAINS)
    async def show(request: _Request, name: FromPath[str]) -> Response[str]:
        return await _page(request, name, ReplayWish())

    @post("/chains/{name:str}/replay", permission=Permission.EDIT_CHAINS, status_code=200)
    async def run(request: _Request, name: FromPath[str]) -> Response[Any]:
        wish = _wish(dict(await request.form()))
        workspace = await open_workspace(service)
        try:
            live = await asyncio.to_thread(workspace.live, name)
            draft = await asyncio.to_thread(workspace.version, name)
            if wish.rubric:
                workspace.models.check(wish.judge)
            job = await begin_replay(service, live, draft, wish, by=name_of(request))
        except TooManyJobs:
            raise HTTPException(status_code=409, detail="console.chains_jobs_full") from None
        except (ChainInvalid, SettingsInvalid) as error:
            wrong = error_text(error, words_for(request))
            return await _page(request, name, wish, wrong=wrong, status=422)
        await audit(service.database, request, "chain_replay", {"chain": name, "last": wish.last})
        return _to_job(request, job)

    @get("/chains/{name:str}/replay/{id_:str}", permission=Permission.EDIT_CHAINS)
    async def show_job(request: _Request, name: FromPath[str], id_: FromPath[str]) -> Response[str]:
        job = await _found(name, id_)
        await audit_replay_look(service.database, request, job)
        return await _page(request, name, ReplayWish(**job.ordered["wish"]), job=job)

    @get("/chains/{name:str}/replay/{id_:str}/csv", permission=Permission.EDIT_CHAINS)
    async def as_csv(request: _Request, name: FromPath[str], id_: FromPath[str]) -> Response[bytes]:
        job = await _found(name, id_)
        await audit_replay_look(service.database, request, job)
        text = await replay_csv(service, job)
        headers = FRESH | {"Content-Disposition": 'attachment; filename="webot-replay.csv"'}
        # With a mark that has spreadsheets read Chinese as what it is.
        return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)

    @post("/chains/{name:str}/replay/{id_:str}/stop", permission=Permission.EDIT_CHAINS, status_code=200)
    async def stop(request: _Request, name: FromPath[str], id_: FromPath[str]) -> Redirect:
        job = await _found(name, id_)
        await _cancel(service, request, job)
        return _to_job(request, job)

    @post("/chains/{name:str}/replay/{id_:str}/judge", permission=Permission.EDIT_CHAINS, status_code=200)
    async def judge(request: _Request, name: FromPath[str], id_: FromPath[str]) -> Redirect:
        job, form = await _found(name, id_), await request.form()
        trace, verdict = whole_number(str(form.get("trace", ""))), _VERDICTS.get(str(form.get("verdict", "")))
        if trace is None or verdict is None:
            raise HTTPException(status_code=422, detail="console.bad_form")
        try:
            await judge_replayed(service, job, trace, verdict, by=name_of(request))
        except NoSuchAnswer:
            raise HTTPException(status_code=404, detail="console.replay_no_answer") from None
        return _to_job(request, job, f"#q{trace}")

    async def _found(name: str, id_: str) -> StoredJob:
        job = await find_chain_job(service, name, id_)
        if job is None or job.kind != REPLAY:
            raise HTTPException(status_code=404, detail="console.chains_job_gone")
        return job

    async def _page(
        request: _Request,
        name: str,
        wish: ReplayWish,
        *,
        job: StoredJob | None = None,
        wrong: str = "",
        status: int = 200,
    ) -> Response[str]:
        workspace = await open_workspace(service)
        chain = await find_chain(workspace, name)
        if chain is None:
            raise unknown_chain(workspace, name)
        draft, unusable = await _draft(workspace, name, words_for(request))
        jobs = [each for each in await list_chain_jobs(service, name) if each.kind == REPLAY]
        return page(
            "chain_replay.html",
            request,
            status=status,
            tab="chains",
            chain=chain,
            draft_revision=draft.chain.revision if draft else "",
            unusable=unusable,
            wrong=wrong,
            wish=wish,
            shown=await _view(service, job) if job is not None else None,
            earlier=[each for each in jobs if job is None or each.id != job.id],
            me=name_of(request),
            models=list(workspace.models.names),
            currency=service.settings.budgets.currency,
            asked_of_nobody=not service.settings.replay.users,
            people=name_people,
            words=words_for(request),
        )

    return [show, run, show_job, as_csv, stop, judge]


async def _view(service: Service, job: StoredJob) -> ReplayView:
    begun = await events_of(service.database, job.id, "begin")
    first = json.loads(begun[-1].data) if begun else {"live": "", "draft": ""}
    pairs = [_safe(each) for each in await pairs_of(service, job)]
    judged = await list_judgements(service, job)
    return ReplayView(job, (first["live"], first["draft"]), pairs, job.result, judged)


async def _cancel(service: Service, request: _Request, job: StoredJob) -> None:
    if await service.jobs.cancel(job.id):
        await audit(service.database, request, "chain_replay", {"chain": job.subject, "cancelled": job.id})


def _to_job(request: _Request, job: StoredJob, place: str = "") -> Redirect:
    return Redirect(path_of(request)(f"/chains/{job.subject}/replay/{job.id}") + place, status_code=303)


def _safe(pair: dict[str, Any]) -> dict[str, Any]:
    """Return a pair whose HTML, made when it was answered, is known as such."""
    return pair | {side: Markup(pair[side]) for side in ("live_html", "draft_html")}  # noqa: S704 (see above)


async def _draft(workspace: ChainWorkspace, name: str, words: Catalogue) -> tuple[Version | None, str]:
    """Return a chain's draft, None for none; and what keeps it from being asked."""
    try:
        if not await asyncio.to_thread(workspace.draft_file(name).exists):
            return None, ""
        return await asyncio.to_thread(workspace.draft, name), ""
    except ChainInvalid as error:
        return None, error_text(error, words)


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
