"""Jobs in the database: what was ordered, how far it is, what came of it, and the events on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import time
from typing import Any, Literal

from sqlalchemy import Row, delete, func, insert, select, update

from storage.conversations.audit import latest_deletion
from storage.database.console_tables import job_events, jobs
from storage.database.engine import Database

JobState = Literal["running", "done", "failed", "cancelled"]
"""What waits for its turn is running, too."""


@dataclass(frozen=True, slots=True)
class StoredJob:
    """Long work of one kind about one subject, as a user ordered it."""

    id: str
    kind: str
    subject: str
    ordered: Mapping[str, Any]
    """What the kind needs to run it, also after a restart."""
    by: str
    at: float
    deletion: int
    """The latest deletion before it was begun: what is forgotten later may be in it."""
    state: JobState = "running"
    done: int = 0
    total: int = 0
    result: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    """What went wrong."""
    attempts: int = 0
    """How often it was begun: once, and again after each process that ended in the middle."""


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that came on the way; `number` counts the events of all jobs."""

    number: int
    kind: str
    data: str
    """JSON."""


async def add_job(database: Database, job: StoredJob) -> None:
    """Keep a job that nobody runs yet."""
    values = {
        "id": job.id,
        "kind": job.kind,
        "subject": job.subject,
        "ordered": dict(job.ordered),
        "by": job.by,
        "at": job.at,
        "deletion": job.deletion,
        "state": job.state,
        "result": {},
    }
    async with database.write() as connection:
        await connection.execute(insert(jobs).values(values))


async def find_job(database: Database, id_: str) -> StoredJob | None:
    """Return a job, None where there is none of this name."""
    async with database.read() as connection:
        row = (await connection.execute(select(jobs).where(jobs.c.id == id_))).first()
    return _job(row) if row else None


async def list_jobs(database: Database, kinds: Sequence[str], *, subject: str | None = None) -> Sequence[StoredJob]:
    """Return the jobs of some kinds, of one subject where it is named, the latest first."""
    wanted = select(jobs).where(jobs.c.kind.in_(kinds)).order_by(jobs.c.at.desc(), jobs.c.id)
    if subject is not None:
        wanted = wanted.where(jobs.c.subject == subject)
    async with database.read() as connection:
        return [_job(row) for row in (await connection.execute(wanted)).all()]


async def count_jobs(database: Database, kind: str) -> int:
    """Return how many jobs of a kind are kept."""
    wanted = select(func.count()).select_from(jobs).where(jobs.c.kind == kind)
    async with database.read() as connection:
        return (await connection.execute(wanted)).scalar_one()


async def claim_jobs(database: Database, owner: str, *, until: float) -> Sequence[StoredJob]:
    """Take over every running job that no process works on any more, and return them.

    In a database of one process, which this one is, that is every one that it does not work on itself.
    """
    free = jobs.c.lease_until < time() if database.shared else jobs.c.owner != owner
    taken = (
        update(jobs)
        .where(jobs.c.state == "running", free)
        .values(owner=owner, lease_until=until, attempts=jobs.c.attempts + 1, done=0)
        .returning(jobs)
    )
    async with database.write() as connection:
        return [_job(row) for row in (await connection.execute(taken)).all()]


async def keep_claim(database: Database, job: StoredJob, owner: str, *, until: float) -> bool:
    """Write that a job is worked on, and how far it is; return whether it is still this process's to run."""
    return await _change_own(database, job, owner, lease_until=until)


async def release_claims(database: Database, owner: str) -> None:
    """Leave the jobs of a process to whichever takes them next."""
    async with database.write() as connection:
        left = update(jobs).where(jobs.c.state == "running", jobs.c.owner == owner)
        await connection.execute(left.values(owner="", lease_until=0.0, attempts=jobs.c.attempts - 1))


async def end_job(database: Database, job: StoredJob, owner: str) -> bool:
    """Keep how a job ended and what came of it; return whether it was still this process's to run."""
    return await _change_own(database, job, owner, state=job.state, result=dict(job.result), why=job.why)


async def cancel_job(database: Database, id_: str) -> bool:
    """End a running job, whichever process works on it; return whether it was running."""
    ended = update(jobs).where(jobs.c.id == id_, jobs.c.state == "running").values(state="cancelled")
    async with database.write() as connection:
        return (await connection.execute(ended)).rowcount > 0


async def remove_job(database: Database, id_: str) -> bool:
    """Remove a job with its events; return whether there was one."""
    async with database.write() as connection:
        await connection.execute(delete(job_events).where(job_events.c.job == id_))
        return (await connection.execute(delete(jobs).where(jobs.c.id == id_))).rowcount > 0


async def outdated_jobs(database: Database, kind: str, *, before: float) -> Sequence[StoredJob]:
    """Return the jobs of a kind that may hold what was deleted since they were begun, or were begun before a moment.

    Of those that run, the ones begun before a person was forgotten: what is old is deleted each hour, and they would
    never come to an end.
    """
    deletion = await latest_deletion(database)
    forgetting = await latest_deletion(database, actions=("forget",))
    ended = (jobs.c.state != "running") & ((jobs.c.deletion != deletion) | (jobs.c.at < before))
    async with database.read() as connection:
        wanted = select(jobs).where(jobs.c.kind == kind, ended | (jobs.c.deletion < forgetting))
        rows = (await connection.execute(wanted)).all()
    return [_job(row) for row in rows]


async def add_event(database: Database, id_: str, kind: str, data: str) -> None:
    """Keep an event of a job; nothing is kept of a job that is gone."""
    exists = select(jobs.c.id).where(jobs.c.id == id_)
    async with database.write() as connection:
        if (await connection.execute(exists)).first():
            await connection.execute(insert(job_events).values(job=id_, kind=kind, data=data))


async def events_after(database: Database, id_: str, number: int, *, most: int) -> Sequence[JobEvent]:
    """Return the events of a job that came after one, in order."""
    wanted = (
        select(job_events)
        .where(job_events.c.job == id_, job_events.c.number > number)
        .order_by(job_events.c.number)
        .limit(most)
    )
    async with database.read() as connection:
        return [JobEvent(row.number, row.kind, row.data) for row in (await connection.execute(wanted)).all()]


async def events_of(database: Database, id_: str, kind: str) -> Sequence[JobEvent]:
    """Return every event of one kind that came of a job, in order."""
    wanted = select(job_events).where(job_events.c.job == id_, job_events.c.kind == kind).order_by(job_events.c.number)
    async with database.read() as connection:
        return [JobEvent(row.number, row.kind, row.data) for row in (await connection.execute(wanted)).all()]


async def has_event(database: Database, id_: str, kind: str, *, begins: str) -> bool:
    """Whether an event of a job has data that begins in some way."""
    alike = job_events.c.data.startswith(begins, autoescape=True)
    wanted = select(job_events.c.number).where(job_events.c.job == id_, job_events.c.kind == kind, alike).limit(1)
    async with database.read() as connection:
        return (await connection.execute(wanted)).first() is not None


async def drop_events(database: Database, id_: str) -> None:
    """Remove the events of a job that begins again."""
    async with database.write() as connection:
        await connection.execute(delete(job_events).where(job_events.c.job == id_))


async def _change_own(database: Database, job: StoredJob, owner: str, **values: object) -> bool:
    own = update(jobs).where(jobs.c.id == job.id, jobs.c.owner == owner, jobs.c.state == "running")
    async with database.write() as connection:
        return (await connection.execute(own.values(done=job.done, total=job.total, **values))).rowcount > 0


def _job(row: Row[Any]) -> StoredJob:
    return StoredJob(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        ordered=row.ordered,
        by=row.by,
        at=row.at,
        deletion=row.deletion,
        state=row.state,
        done=row.done,
        total=row.total,
        result=row.result,
        why=row.why,
        attempts=row.attempts,
    )
