"""What every log of a running turn promises, asked of the worker on both databases and of its fake."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from pipeline.answer import Outcome
from pipeline.errors import LaneLost
from pipeline.events import InboundEvent, Person, Text
from pipeline.ports import TurnLog
from pipeline.replies import Receipt, TextPart
from pipeline.turn_state import (
    Finished,
    Turn,
    Verdict,
)
from storage.database.engine import Database
from storage.turns.worker import Worker
from tests.fakes.turns import FakeJournal

EVENT = InboundEvent("k", Person("wecom", "张三"), Text("你好"), datetime(2026, 11, 22, tzinfo=UTC))


@pytest.fixture
async def journal(contract_database: Database | None) -> AsyncIterator[tuple[TurnLog, Turn]]:
    """Yield a log, and a turn that runs."""
    if contract_database is None:
        yield FakeJournal(), Turn(1, "wecom/张三", 1, EVENT, 0.0)
        return
    worker = Worker(contract_database, most=1)
    begun: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
    ended = asyncio.Event()

    async def run(turn: Turn) -> Verdict:
        begun.set_result(turn)
        await ended.wait()
        return Finished("done")

    await worker.start(run)
    await worker.accept(EVENT, lane="wecom/张三")
    yield worker, await begun
    ended.set()
    await worker.close()


async def test_a_recorded_answer_has_its_parts_numbered_from_zero(journal: tuple[TurnLog, Turn]) -> None:
    log, turn = journal
    parts = [TextPart("一", "text"), TextPart("二", "markdown")]
    recorded = await log.answered(turn, Outcome(()), parts)

    assert recorded.parts is not None
    assert [(0, parts[0]), (1, parts[1])] == [(outgoing.index, outgoing.part) for outgoing in recorded.parts]
    assert "" == recorded.failure


async def test_an_apology_keeps_the_reason_for_it(journal: tuple[TurnLog, Turn]) -> None:
    log, turn = journal

    assert "HTTP 500" == (await log.answered(turn, Outcome(()), [], failure="HTTP 500")).failure


async def test_a_part_can_be_noted_as_sent(journal: tuple[TurnLog, Turn]) -> None:
    log, turn = journal
    recorded = await log.answered(turn, Outcome(()), [TextPart("一", "text")])
    assert recorded.parts is not None
    await log.ensure_owned(recorded)
    await log.sent(recorded, recorded.parts[0], Receipt("m1"))


async def test_writing_to_a_lane_that_was_taken_over_is_refused(journal: tuple[TurnLog, Turn]) -> None:
    log, turn = journal
    if isinstance(log, FakeJournal):
        log.lost = True
    stale = Turn(turn.id, turn.lane, turn.epoch - 1, turn.event, turn.accepted_at)
    with pytest.raises(LaneLost):
        await log.answered(stale, Outcome(()), [TextPart("一", "text")])
