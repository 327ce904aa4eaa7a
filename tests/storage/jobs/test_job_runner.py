"""Jobs: followed, cancelled, gone on with after a process that ended in the middle, and removed in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text, update
from structlog.testing import capture_logs

from pipeline.events import Person
from storage.conversations.audit import record
from storage.conversations.deletion import forget
from storage.database.console_tables import jobs as jobs_table
from storage.database.engine import Database
from storage.jobs.job_runner import INTERRUPTED, JobFailed, JobKind, JobRunner, RunningJob, TooManyJobs
from storage.jobs.job_store import JobEvent, StoredJob, cancel_job, events_after
from tests.service import until
from tests.storage.search.saying import say


class Counting:
    """A kind of jobs that counts to three, waiting before the last for `go_on`."""

    def __init__(self, *, most: int = 9, at_once: int = 2) -> None:
        self.go_on = asyncio.Event()
        self.begun: list[str] = []
        self.removed: list[str] = []
        self.kind = JobKind(self._run, at_once=at_once, most=most, on_removed=self._remove)

    async def _run(self, running: RunningJob) -> None:
        self.begun.append(running.job.id)
        running.total = 3
        for number in range(1, 4):
            if number == 3:
                await self.go_on.wait()
            await running.emit("count", str(number))
            running.done = number
        if running.job.ordered.get("fails"):
            raise JobFailed("three is too many")
        running.result = {"sum": 6}

    async def _remove(self, job: StoredJob) -> None:
        self.removed.append(job.id)


@asynccontextmanager
async def running(database: Database, counting: Counting) -> AsyncIterator[JobRunner]:
    runner = JobRunner(database)
    runner.add("count", counting.kind)
    await runner.start()
    yield runner
    await runner.close()


async def followed(runner: JobRunner, id_: str, *, after: int = 0) -> tuple[list[JobEvent], StoredJob]:
    events: list[JobEvent] = []
    async with asyncio.timeout(60):
        async for each in runner.follow(id_, after=after):
            if isinstance(each, StoredJob):
                job = each
            else:
                events.append(each)
    return events, job


async def counted(runner: JobRunner, id_: str, count: int) -> list[JobEvent]:
    """Give the first events of a job that goes on."""
    events: list[JobEvent] = []
    async with asyncio.timeout(60):
        async for each in runner.follow(id_):
            events += [each] if isinstance(each, JobEvent) else []
            if len(events) == count:
                break
    return events


async def test_a_job_is_followed_from_the_beginning_or_from_the_last_event_seen(database: Database) -> None:
    counting = Counting()
    async with running(database, counting) as runner:
        job = await runner.begin("count", "hr", {}, by="ann")
        seen = await counted(runner, job.id, 2)
        watching = asyncio.create_task(followed(runner, job.id, after=seen[0].number))
        counting.go_on.set()
        events, ended = await watching
        whole, _ = await followed(runner, job.id)

        assert ["2", "3"] == [each.data for each in events]
        assert ["1", "2", "3"] == [each.data for each in whole]
        assert ("done", 3, 3, {"sum": 6}, "ann") == (ended.state, ended.done, ended.total, ended.result, ended.by)
        assert [job.id] == [each.id for each in await runner.list(("count",), subject="hr")]
        assert [] == await runner.list(("count",), subject="it")


async def test_a_job_that_fails_says_why(database: Database) -> None:
    counting = Counting()
    counting.go_on.set()
    async with running(database, counting) as runner:
        job = await runner.begin("count", "hr", {"fails": True}, by="ann")
        _, ended = await followed(runner, job.id)

        assert ("failed", "three is too many") == (ended.state, ended.why)


async def test_a_cancelled_job_ends_and_keeps_what_has_come_of_it(database: Database) -> None:
    counting = Counting()
    async with running(database, counting) as runner:
        job = await runner.begin("count", "hr", {}, by="ann")
        await counted(runner, job.id, 2)
        # As another process does: this one sees it in the database.
        assert await cancel_job(database, job.id)
        async with asyncio.timeout(60):
            await runner.finished(job.id)
        events, ended = await followed(runner, job.id)

        assert ("cancelled", ["1", "2"]) == (ended.state, [each.data for each in events])
        assert not await runner.cancel(job.id)
        assert await runner.remove(job.id)
        assert [job.id] == counting.removed
        assert not await runner.remove(job.id)


async def test_what_a_stopped_service_left_is_begun_again_by_the_next(database: Database) -> None:
    first, second = Counting(), Counting()
    async with running(database, first) as runner:
        job = await runner.begin("count", "hr", {}, by="ann")
        seen = await counted(runner, job.id, 2)
    second.go_on.set()
    async with running(database, second) as runner:
        # One who saw the first events is told all of them anew.
        events, ended = await followed(runner, job.id, after=seen[-1].number)

    assert ("done", ["1", "2", "3"]) == (ended.state, [each.data for each in events])


async def test_a_job_that_ends_the_process_each_time_is_not_tried_for_ever(database: Database) -> None:
    counting = Counting()
    async with running(database, counting) as runner:
        job = await runner.begin("count", "hr", {}, by="ann")
    async with database.write() as connection:
        killed = {"owner": "a process that was killed", "lease_until": 1.0, "attempts": 3}
        await connection.execute(update(jobs_table).values(killed))
    async with running(database, counting) as runner:
        _, ended = await followed(runner, job.id)

    assert ("failed", INTERRUPTED) == (ended.state, ended.why)


async def test_what_ended_goes_when_somebody_is_forgotten_and_only_so_many_are_kept(database: Database) -> None:
    await say(database, "问", "答", person=Person("wecom", "bob"))
    counting = Counting(most=2)
    counting.go_on.set()
    async with running(database, counting) as runner:
        ids = [(await runner.begin("count", "hr", {}, by="ann")).id for _ in range(2)]
        with pytest.raises(TooManyJobs):
            await runner.begin("count", "hr", {}, by="ann")
        for id_ in ids:
            await followed(runner, id_)
        await forget(database, Person("wecom", "bob"), who="t")

        assert await runner.find(ids[0]) is None
        assert sorted(ids) == sorted(counting.removed)


async def test_what_runs_while_somebody_is_forgotten_is_ended_and_its_events_go_at_once(database: Database) -> None:
    bob = Person("wecom", "bob")
    await say(database, "问", "答", person=bob)
    counting = Counting()
    async with running(database, counting) as runner:
        before = await runner.begin("count", "hr", {}, by="ann")
        await counted(runner, before.id, 2)
        # What is old is deleted each hour: whatever runs longer would never end.
        await record(database, "retention", "t", {}, conversations=1, messages=2)
        assert 0 == await runner.drop_outdated()

        await forget(database, bob, who="t")
        assert [] == await events_after(database, before.id, 0, most=9)
        after = await runner.begin("count", "hr", {}, by="ann")
        assert await runner.find(before.id) is None
        counting.go_on.set()
        _, ended = await followed(runner, after.id)

    assert ("done", [before.id]) == (ended.state, counting.removed)


async def test_jobs_wait_for_those_of_their_kind_and_followers_go_when_the_service_stops(database: Database) -> None:
    counting = Counting(at_once=1)
    async with running(database, counting) as runner:
        first = await runner.begin("count", "hr", {}, by="ann")
        second = await runner.begin("count", "hr", {}, by="ann")
        await counted(runner, first.id, 2)
        watching = asyncio.create_task(followed(runner, second.id))
        await asyncio.sleep(0)
        runner.end_followers()
        events, waiting = await watching

        assert ([], "running") == (events, waiting.state)
        assert [first.id] == counting.begun


async def test_the_loop_goes_on_where_the_database_does_not_answer(database: Database) -> None:
    counting = Counting()
    async with running(database, counting) as runner:
        async with database.write() as connection:
            await connection.execute(text("ALTER TABLE jobs RENAME TO away"))
        await runner.loop.stop()
        with capture_logs() as logs:
            runner.loop.start()
            await until(lambda: logs)
            trouble = runner.loop.trouble
        async with database.write() as connection:
            await connection.execute(text("ALTER TABLE away RENAME TO jobs"))
        counting.go_on.set()
        job = await runner.begin("count", "x", {}, by="zhang")
        _, ended = await followed(runner, job.id)

    assert ["jobs_not_looked_through"] == [line["event"] for line in logs]
    assert ("", "done") == (trouble, ended.state)
