"""What every journal promises, asked of the real one on both databases and of its fake."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

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
from storage.database.engine import open_database
from storage.database.migrate import migrate
from storage.turns.worker import Worker
from tests.fakes.turns import FakeJournal

EVENT = InboundEvent("k", Person("wecom", "张三"), Text("你好"), datetime(2026, 11, 22, tzinfo=UTC))


@asynccontextmanager
async def _fake() -> AsyncIterator[tuple[TurnLog, Turn]]:
    yield FakeJournal(), Turn(1, "wecom/张三", 1, EVENT, 0.0)


@asynccontextmanager
async def _real(url: str) -> AsyncIterator[tuple[TurnLog, Turn]]:
    database = await asyncio.to_thread(open_database, url)
    await migrate(database)
    worker = Worker(database, most=1)
    begun: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
    ended = asyncio.Event()

    async def run(turn: Turn) -> Verdict:
        begun.set_result(turn)
        await ended.wait()
        return Finished("done")

    await worker.start(run)
    await worker.accept(EVENT, lane="wecom/张三")
    try:
        yield worker, await begun
    finally:
        ended.set()
        await worker.close()
        await database.close()


@pytest.fixture(params=["the fake", "SQLite", "PostgreSQL"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "the fake":
            return ""
        case "SQLite":
            return f"sqlite:///{tmp_path}/webot.db"
        case _:
            return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def journal(url: str) -> AsyncIterator[tuple[TurnLog, Turn]]:
    async with _real(url) if url else _fake() as opened:
        yield opened


async def test_a_recorded_answer_has_its_parts_numbered_from_zero(journal: tuple[TurnLog, Turn]) -> None:
    book, turn = journal
    parts = [TextPart("一", "text"), TextPart("二", "markdown")]
    recorded = await book.answered(turn, Outcome(()), parts)

    assert recorded.parts is not None
    assert [(0, parts[0]), (1, parts[1])] == [(outgoing.index, outgoing.part) for outgoing in recorded.parts]
    assert "" == recorded.failure


async def test_an_apology_keeps_the_reason_for_it(journal: tuple[TurnLog, Turn]) -> None:
    book, turn = journal

    assert "HTTP 500" == (await book.answered(turn, Outcome(()), [], failure="HTTP 500")).failure


async def test_a_part_can_be_noted_as_sent(journal: tuple[TurnLog, Turn]) -> None:
    book, turn = journal
    recorded = await book.answered(turn, Outcome(()), [TextPart("一", "text")])
    assert recorded.parts is not None
    await book.ensure_owned(recorded)
    await book.sent(recorded, recorded.parts[0], Receipt("m1"))


async def test_writing_to_a_lane_that_was_taken_over_is_refused(journal: tuple[TurnLog, Turn]) -> None:
    book, turn = journal
    if isinstance(book, FakeJournal):
        book.lost = True
    stale = Turn(turn.id, turn.lane, turn.epoch - 1, turn.event, turn.accepted_at)
    with pytest.raises(LaneLost):
        await book.answered(stale, Outcome(()), [TextPart("一", "text")])
