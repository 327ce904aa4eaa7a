"""Runs jobs in the background: begun, followed, cancelled, and gone on with after a restart or by another process."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from secrets import token_hex
from time import time
from typing import Any

import structlog

from pipeline.supervision import SupervisedLoop
from pipeline.text.i18n import Sentence
from storage.conversations.audit import latest_deletion
from storage.database.engine import Database
from storage.database.failures import read_failure
from storage.jobs.job_store import (
    JobEvent,
    StoredJob,
    add_event,
    add_job,
    cancel_job,
    claim_jobs,
    count_jobs,
    drop_events,
    end_job,
    events_after,
    find_job,
    keep_claim,
    list_jobs,
    outdated_jobs,
    release_claims,
    remove_job,
)

log = structlog.get_logger()

INTERRUPTED = "console.jobs_interrupted"
"""Why a job failed in the middle of which the service ended again and again: a sentence's key."""

_DAY_SECONDS = 86400.0
_LEASE_SECONDS = 60.0
_BEAT_SECONDS = 1.0
"""How often it is kept how far a job is, and looked whether it was cancelled elsewhere."""
_SWEEP_SECONDS = 20.0
_POLL_SECONDS = 1.0
_MOST_ATTEMPTS = 3
_MOST_EVENTS = 200
"""Read at once."""


class TooManyJobs(Exception):
    """As many jobs of a kind are kept as there may be."""


class JobFailed(Exception):
    """A job cannot come to its end; the message says why."""


@dataclass(eq=False)
class RunningJob:
    """What a job's kind is given to run it: set `done` and `total` as it goes on."""

    job: StoredJob
    _emit: Callable[[str, str], Awaitable[None]]
    done: int = 0
    total: int = 0
    result: dict[str, Any] = field(default_factory=dict)

    async def emit(self, kind: str, data: str) -> None:
        """Keep an event, JSON, for those who follow now or later."""
        await self._emit(kind, data)


@dataclass(frozen=True)
class JobKind:
    """How jobs of a kind are run: `at_once` of them, of `most` that are kept, for `kept_seconds` from their begin.

    `run` raises `JobFailed` for one that cannot end well, and is cancelled when the service stops; it runs again then.
    """

    run: Callable[[RunningJob], Awaitable[None]]
    at_once: int = 2
    most: int = 50
    kept_seconds: float = _DAY_SECONDS
    on_removed: Callable[[StoredJob], Awaitable[None]] | None = None


class JobRunner:
    """Runs jobs of the kinds that are added to it."""

    def __init__(self, database: Database) -> None:
        """Run jobs of this database once kinds are added and it is started."""
        self._database = database
        self._owner = token_hex(8)
        self._kinds: dict[str, JobKind] = {}
        self._room: dict[str, asyncio.Semaphore] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._closing = False
        self.loop = SupervisedLoop("jobs", self._sweep)

    def add(self, name: str, kind: JobKind) -> None:
        """Add a kind of jobs, before the start."""
        self._kinds[name] = kind
        self._room[name] = asyncio.Semaphore(kind.at_once)

    async def start(self) -> None:
        """Run what an earlier process left, and look after the jobs from now on."""
        await self._claim()
        self.loop.start()

    def end_followers(self) -> None:
        """End what follows jobs: the service is about to stop."""
        self._closing = True
        for id_ in list(self._news):
            self._tell(id_)

    async def close(self) -> None:
        """Stop where it stands; the next start goes on."""
        await self.loop.stop()
        running = list(self._tasks.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        try:
            await release_claims(self._database, self._owner)
        except Exception as error:  # noqa: BLE001 -- as below: they are taken over once their time is up
            log.warning("jobs_not_released", error=str(read_failure(error)))

    async def begin(self, kind: str, subject: str, ordered: Mapping[str, Any], *, by: str) -> StoredJob:
        """Begin a job.

        Raises:
            TooManyJobs: As many of its kind are kept as there may be.
        """
        if await count_jobs(self._database, kind) >= self._kinds[kind].most:
            raise TooManyJobs(kind)
        deletion = await latest_deletion(self._database)
        job = StoredJob(token_hex(8), kind, subject, dict(ordered), by, time(), deletion)
        await add_job(self._database, job)
        await self._claim()
        return job

    async def find(self, id_: str) -> StoredJob | None:
        """Return a job as far as it is, None where there is none of this name."""
        await self.drop_outdated()
        return await find_job(self._database, id_)

    async def list(self, kinds: Sequence[str], *, subject: str | None = None) -> Sequence[StoredJob]:
        """Return the jobs of some kinds, of one subject where it is named, the latest first."""
        await self.drop_outdated()
        return await list_jobs(self._database, kinds, subject=subject)

    async def cancel(self, id_: str) -> bool:
        """End a job and keep what has come of it; return whether it was running."""
        cancelled = await cancel_job(self._database, id_)
        await self._stop(id_)
        return cancelled

    async def remove(self, id_: str) -> bool:
        """Stop a job and remove what there is of it; return whether there was one."""
        job = await find_job(self._database, id_)
        if job is None:
            return False
        await cancel_job(self._database, id_)
        await self._stop(id_)
        # Of a kind that an older version knew nothing is known here but its rows.
        if (kind := self._kinds.get(job.kind)) is not None and kind.on_removed is not None:
            await kind.on_removed(job)
        return await remove_job(self._database, id_)

    async def drop_outdated(self) -> int:
        """Remove what is older than its kind is kept or may hold what was deleted since; return how much that was.

        Raises:
            DatabaseAway: The database is away.
        """
        outdated = [
            job
            for name, kind in self._kinds.items()
            for job in await outdated_jobs(self._database, name, before=time() - kind.kept_seconds)
        ]
        for job in outdated:
            await self.remove(job.id)
        return len(outdated)

    async def finished(self, id_: str) -> None:
        """Wait until this process does not work on a job any more."""
        if task := self._tasks.get(id_):
            await asyncio.wait((task,))

    async def follow(self, id_: str, *, after: int = 0) -> AsyncGenerator[StoredJob | JobEvent]:
        """Yield the job whenever its state or progress changes and its events in between; end with the job as it ended.

        The job of another process is looked at once a second.
        """
        shown: StoredJob | None = None
        while True:
            news = self._news.setdefault(id_, asyncio.Event())
            # Read before its events: all of them are there where it has ended.
            job = await find_job(self._database, id_)
            if job is None:
                return
            if shown is None and job.state == "running":
                yield (shown := job)
            while events := await events_after(self._database, id_, after, most=_MOST_EVENTS):
                for event in events:
                    yield event
                after = events[-1].number
            if job != shown:
                yield (shown := job)
            if job.state != "running" or self._closing:
                self._news.pop(id_, None)
                return
            try:
                await asyncio.wait_for(news.wait(), _POLL_SECONDS)
            except TimeoutError:
                continue

    async def _claim(self) -> None:
        for job in await claim_jobs(self._database, self._owner, until=time() + _LEASE_SECONDS):
            if job.id in self._tasks or job.kind not in self._kinds:
                continue
            task = asyncio.create_task(self._run(job), name=f"{job.kind} {job.id}")
            self._tasks[job.id] = task
            task.add_done_callback(lambda _, id_=job.id: self._tasks.pop(id_, None))  # type: ignore[misc]

    async def _run(self, job: StoredJob) -> None:
        async def emit(kind: str, data: str) -> None:
            await add_event(self._database, job.id, kind, data)
            self._tell(job.id)

        running = RunningJob(job, emit)
        beat = asyncio.create_task(self._beat(running, asyncio.current_task()), name=f"beat of {job.id}")
        try:
            await self._work(running)
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
            self._tell(job.id)

    async def _work(self, running: RunningJob) -> None:
        job, ended = running.job, replace(running.job, state="done")
        if job.attempts > _MOST_ATTEMPTS:
            ended = replace(ended, state="failed", why=INTERRUPTED)
        else:
            async with self._room[job.kind]:
                try:
                    await drop_events(self._database, job.id)
                    await self._kinds[job.kind].run(running)
                except JobFailed as error:
                    ended = replace(ended, state="failed", why=str(error))
                except Exception as error:
                    log.exception("job_failed", job=job.id, kind=job.kind)
                    ended = replace(ended, state="failed", why=Sentence("reason.job_broke", kind=type(error).__name__))
        ended = replace(ended, done=running.done, total=running.total, result=running.result)
        while True:
            try:
                await end_job(self._database, ended, self._owner)
            except Exception as error:  # noqa: BLE001 -- the edge of a step: what came of it is kept once the database is back
                log.warning("job_end_not_kept", job=job.id, error=str(read_failure(error)))
                await asyncio.sleep(_SWEEP_SECONDS)
            else:
                return

    async def _beat(self, running: RunningJob, task: asyncio.Task[None] | None) -> None:
        """Write how far a job is, and stop it where it is not this process's any more."""
        kept, until = (-1, -1), 0.0
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            now, far = time(), (running.done, running.total)
            try:
                if far == kept and until - now > _LEASE_SECONDS / 2:
                    job = await find_job(self._database, running.job.id)
                    mine = job is not None and job.state == "running"
                else:
                    kept, until = far, now + _LEASE_SECONDS
                    reached = replace(running.job, done=far[0], total=far[1])
                    mine = await keep_claim(self._database, reached, self._owner, until=until)
                    self._tell(running.job.id)
            except Exception as error:  # noqa: BLE001 -- the edge of a step: the next beat comes soon
                log.warning("job_progress_not_kept", job=running.job.id, error=str(read_failure(error)))
                continue
            if not mine and task is not None:
                task.cancel()
                return

    async def _stop(self, id_: str) -> None:
        if task := self._tasks.get(id_):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._tell(id_)

    def _tell(self, id_: str) -> None:
        if news := self._news.pop(id_, None):
            news.set()

    async def _sweep(self) -> None:
        while True:
            try:
                if await self.drop_outdated():
                    await self._database.empty_log()
                await self._claim()
            except Exception as error:  # noqa: BLE001 -- the edge of a step: the next look comes soon
                log.warning("jobs_not_looked_through", error=str(read_failure(error)))
            await asyncio.sleep(_SWEEP_SECONDS)
