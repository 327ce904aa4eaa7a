"""A lane that is marked as owned, with nobody to run it, does not wait for a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import update

from pipeline.lanes import lane_of
from storage.database.engine import Database
from storage.database.tables import lanes
from storage.turns.lanes import LaneState
from storage.turns.orphans import Orphans
from storage.turns.worker import Worker
from tests.fakes.runs import ScriptedRun
from tests.storage.turns.test_lane_repair import until_idle
from tests.storage.turns.test_worker import LI, ZHANG, accept, said


async def own(database: Database, owner: str) -> None:
    """Have Zhang's lane owned by a name."""
    async with database.write() as connection:
        await connection.execute(
            update(lanes).where(lanes.c.lane == lane_of(ZHANG)).values(state=int(LaneState.OWNED), owner=owner)
        )


@asynccontextmanager
async def looking(database: Database) -> AsyncIterator[tuple[Worker, ScriptedRun]]:
    """Run a worker that looks for orphans all the time."""
    worker = Worker(database, most=10, lease_seconds=0.3, orphan_seconds=0.02)
    run = ScriptedRun(worker)
    await worker.start(run)
    try:
        yield worker, run
    finally:
        await worker.close()


async def test_a_lane_that_nobody_runs_is_freed_when_its_person_writes(database: Database) -> None:
    async with looking(database) as (worker, run):
        for count, owner in enumerate(("", "gone", "x" * 300)):
            await accept(worker, said(ZHANG, f"{count}"))
            await run.until_sent(2 * count + 1)
            await until_idle(database)
            await own(database, owner)
            await accept(worker, said(ZHANG, f"{count} again"))
            await run.until_sent(2 * count + 2)

        assert ["0", "0 again", "1", "1 again", "2", "2 again"] == run.sent["wecom/张三"]


async def test_a_turn_left_in_such_a_lane_is_run_without_another_message(database: Database) -> None:
    async with looking(database) as (worker, run):
        await accept(worker, said(ZHANG, "later"))
        await run.until_asked(1)
        await own(database, "gone")
        await accept(worker, said(LI, "beside"))
        await run.until_sent(2)

        assert ["later"] == run.sent["wecom/张三"]


async def test_a_lane_that_is_run_is_left_alone(database: Database) -> None:
    async with looking(database) as (worker, run):
        await accept(worker, said(ZHANG, "hold"))
        await run.until_asked(1)
        orphans = Orphans(database, worker.name, between=0.0)
        for _ in range(3):
            await orphans.free({lane_of(ZHANG)})
        run.gate.set()
        await run.until_sent(1)

        assert ["hold"] == run.asked["wecom/张三"]
        assert ["hold"] == run.sent["wecom/张三"]
