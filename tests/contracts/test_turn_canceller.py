"""What every way to end a running turn promises, asked of the worker on both databases and of its fake."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest

from pipeline.events import InboundEvent, Person, Text
from pipeline.lanes import lane_of
from pipeline.ports import TurnCanceller
from pipeline.turn_state import Finished, Turn, Verdict
from storage.database.engine import Database
from storage.turns.worker import Worker
from tests.chains.harness import CountingStopper

ANNA, BERND = Person("wecom", "anna"), Person("wecom", "bernd")

Begin = Callable[[], Awaitable[None]]


@pytest.fixture
async def canceller(contract_database: Database | None) -> AsyncIterator[tuple[TurnCanceller, Begin]]:
    """Yield a canceller, and what begins a turn of Anna's that does not end by itself."""
    if contract_database is None:
        fake = CountingStopper()

        async def note() -> None:
            fake.running.add(ANNA)

        yield fake, note
        return
    worker, running = Worker(contract_database, most=1), asyncio.Event()

    async def run(turn: Turn) -> Verdict:
        if not turn.stopped:
            running.set()
            await asyncio.Event().wait()
        return Finished("stopped")

    async def begin() -> None:
        event = InboundEvent("k", ANNA, Text("你好"), datetime(2026, 11, 22, tzinfo=UTC))
        await worker.accept(event, lane=lane_of(ANNA))
        await running.wait()

    await worker.start(run)
    yield worker, begin
    await worker.close()


async def test_a_running_turn_is_ended_and_no_other_persons(canceller: tuple[TurnCanceller, Begin]) -> None:
    it, begin = canceller
    assert not await it.stop(ANNA)
    await begin()

    assert not await it.stop(BERND)
    assert await it.stop(ANNA)
