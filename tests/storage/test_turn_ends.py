"""Every turn ends, and its person's next message is answered: whatever cannot be made, rendered, recorded or read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, text, update

from pipeline.answer import (
    Exchange,
    ExchangeRecorded,
    FailedUsage,
    Outcome,
    PersonaSet,
    Provenance,
    Rated,
    TokenUsage,
    ToolUse,
)
from pipeline.events import InboundEvent, Person, Text
from pipeline.lanes import lane_of
from pipeline.replies import TextReply
from pipeline.settings import Limits
from pipeline.text.i18n import Catalogue
from pipeline.turn import Turns
from pipeline.turn_state import (
    Finished,
    Turn,
    Verdict,
)
from storage.database.engine import Database
from storage.database.tables import inbox, lanes, messages, outbox, spending
from storage.turns.lanes import LaneState
from storage.turns.worker import Worker
from tests.fakes.turns import FakeAnswerer, FakeChannel

ZH = Catalogue("zh")
ZHANG = Person("fake", "张三")
LI = Person("fake", "lisi")
PAID = Provenance("default", "r1", "qwen", 11, 7, 5, cost=1000)
OK = Outcome((TextReply("好"),))


def said(answer: str, made_by: Provenance = PAID) -> Outcome:
    return Outcome((TextReply(answer),), (ExchangeRecorded(Exchange("问", answer), made_by, None),))


class WorkerHarness:
    """One worker with the real turn, a fake channel, and somebody who answers by the text of the message."""

    def __init__(self, database: Database, answers: dict[str, Outcome], limits: Limits) -> None:
        self.database = database
        self.channel = FakeChannel()
        self.worker = Worker(database, most=10, turn_attempts=limits.turn_attempts)
        self.asked: list[str] = []
        self.ended: list[tuple[int, Verdict]] = []
        self._answers = answers
        self._limits = limits
        self._changed = asyncio.Condition()

    async def run(self, turn: Turn) -> Verdict:
        content = turn.event.content
        assert isinstance(content, Text)
        self.asked += [content.text] if turn.parts is None else []
        turns = Turns(
            channels={"fake": self.channel},
            chains={"fake": "default"},
            answerer=FakeAnswerer(self._answers.get(content.text, OK)),
            guards=(),
            journal=self.worker,
            catalogue=ZH,
            limits=self._limits,
            thinking_seconds=0.0,
        )
        verdict = await turns.run(turn)
        async with self._changed:
            self.ended.append((turn.id, verdict))
            self._changed.notify_all()
        return verdict

    async def say(self, person: Person, words: str) -> None:
        await self.worker.accept(event(person, words), lane=lane_of(person))

    def break_engine_on(self, words: str) -> None:
        """Have what runs turns itself fail at these words."""

        async def broken(turn: Turn) -> Verdict:
            if turn.event.content == Text(words):
                raise StopAsyncIteration
            return await self.run(turn)

        self.worker._run = broken  # noqa: SLF001 -- a fault in what runs turns

    async def until_ended(self, count: int) -> list[Finished]:
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: len(self.finished) >= count)
        return self.finished

    @property
    def finished(self) -> list[Finished]:
        return [verdict for _, verdict in self.ended if isinstance(verdict, Finished)]

    async def rows(self, statement: Any) -> list[Any]:  # noqa: ANN401 -- any statement
        async with self.database.read() as connection:
            return list((await connection.execute(statement)).all())


def event(person: Person, words: str) -> InboundEvent:
    return InboundEvent(f"{person}/{words}", person, Text(words), datetime(2026, 11, 22, tzinfo=UTC))


@asynccontextmanager
async def answering(
    database: Database, answers: dict[str, Outcome] | None = None, *, attempts: int = 1
) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(database, answers or {}, Limits(turn_attempts=attempts))
    await harness.worker.start(harness.run)
    try:
        yield harness
    finally:
        await harness.worker.close()


async def change(database: Database, *statements: str) -> None:
    async with database.write() as connection:
        for statement in statements:
            await connection.execute(text(statement))


_LONG = ("".join(chr(0x4E00 + number * 37 % 20000) for number in range(20_000)) * 17)[:333_334]


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(said("答", Provenance("c", "r", _LONG, 1, 1, cost=5)), id="a model's name of 1 MB"),
        pytest.param(said("答", Provenance("c\0", "r\ud800", "m\0\udfff", 1, 1, cost=5)), id="names that are no text"),
        pytest.param(said("答", Provenance("c", "r", "m", 2**40, -(2**70), 2**33, cost=2**80)), id="endless numbers"),
        pytest.param(
            said("答", Provenance("c", "r", "m", 9, 9, other_usage=(TokenUsage(_LONG, 2**40, 1, 2**70),))), id="beside"
        ),
        pytest.param(said("答\0\ud83d"), id="an answer that is no text"),
        pytest.param(
            said("答", Provenance("c", "r", "m", tools=(ToolUse("t\ud800", "{\0}", "done", 2**70),))), id="a tool's use"
        ),
        pytest.param(Outcome((TextReply("答\ud800"),), (PersonaSet("海\0盗\ud800"),)), id="a persona"),
        pytest.param(Outcome((TextReply("答"),), (Rated(good=True, why="\0\ud800"),)), id="a judgement"),
        pytest.param(
            Outcome((TextReply("答"),), (FailedUsage(Provenance("c", "r", _LONG, 2**40)),)), id="what was wasted"
        ),
    ],
)
async def test_whatever_a_model_says_can_be_recorded(database: Database, outcome: Outcome) -> None:
    async with answering(database, {"毒": outcome}) as harness:
        await harness.say(ZHANG, "毒")
        await harness.say(ZHANG, "再来")
        ended = await harness.until_ended(2)

        assert ["done", "done"] == [verdict.state for verdict in ended]
        assert ["毒", "再来"] == harness.asked
        assert "好" == harness.channel.sent[-1]
        assert all(len(row.model) <= 200 for row in await harness.rows(select(spending.c.model)))


async def test_an_answer_that_cannot_be_recorded_is_paid_apologised_for_and_passed(database: Database) -> None:
    await change(database, "ALTER TABLE messages RENAME COLUMN content TO contents")
    async with answering(database, {"毒": said("答")}, attempts=2) as harness:
        await harness.say(ZHANG, "毒")
        await harness.say(ZHANG, "再来")
        first, second = await harness.until_ended(2)
        (trace,) = {number for number, verdict in harness.ended if verdict is first}
        spent = await harness.rows(select(spending.c.model, spending.c.answers, spending.c.cost))
        (row,) = await harness.rows(select(inbox).where(inbox.c.id == trace))

        assert ("failed", "done") == (first.state, second.state)
        assert ["毒", "毒", "再来"] == harness.asked
        assert [ZH.text("turn.failed", trace=str(trace)), "好"] == harness.channel.sent
        assert [("qwen", 0, 2000)] == [tuple(each) for each in spent]
        assert "failed" == row.state
        assert "the database refuses it" in row.failure


async def test_where_no_apology_can_be_recorded_the_turn_still_fails(database: Database) -> None:
    await change(database, "ALTER TABLE outbox RENAME COLUMN part TO parts")
    async with answering(database, {"毒": said("答")}) as harness:
        await harness.say(ZHANG, "毒")
        await harness.say(ZHANG, "再来")
        await harness.until_ended(2)

    await change(database, "ALTER TABLE outbox RENAME COLUMN parts TO part")
    async with answering(database) as harness:
        await harness.say(ZHANG, "又来")
        await harness.until_ended(1)
    rows = await harness.rows(select(inbox.c.state).order_by(inbox.c.id))
    spent = await harness.rows(select(spending.c.answers, spending.c.cost))

    assert ["failed", "failed", "done"] == [row.state for row in rows]
    assert [(0, 1000)] == [tuple(each) for each in spent]
    assert ["好"] == harness.channel.sent


_REFUSE = {
    "sqlite": "CREATE TRIGGER refuse BEFORE INSERT ON inbox WHEN NEW.content LIKE '%毒%'"
    " BEGIN SELECT RAISE(ABORT, 'refused'); END",
    "postgresql": "ALTER TABLE inbox ADD CONSTRAINT refuse CHECK (content NOT LIKE '%毒%')",
}


async def test_of_a_batch_only_what_is_refused_fails(database: Database) -> None:
    await change(database, _REFUSE[database.url.get_backend_name()])
    async with answering(database) as harness:
        words = [f"m{number}" for number in range(40)]
        words[17] = words[31] = "毒"
        people = [Person("fake", f"u{number}") for number in range(40)]
        stored = await asyncio.gather(*map(harness.say, people, words), return_exceptions=True)
        ended = await harness.until_ended(38)

        assert [17, 31] == [place for place, result in enumerate(stored) if result is not None]
        assert {"WriteRefused"} == {type(stored[place]).__name__ for place in (17, 31)}
        assert {"done"} == {verdict.state for verdict in ended}
        assert 38 == len(harness.channel.sent)


async def test_a_turn_is_counted_before_it_is_begun(database: Database) -> None:
    async with answering(database, attempts=3) as harness:
        counts: list[int] = []

        async def run(turn: Turn) -> Verdict:
            (row,) = await harness.rows(select(inbox.c.attempts).where(inbox.c.id == turn.id))
            counts.append(row.attempts - turn.attempts)
            return await harness.run(turn)

        harness.worker._run = run  # noqa: SLF001 -- looks at the database from within a turn
        for words in ("一", "二", "三"):
            await harness.say(ZHANG, words)
        await harness.until_ended(3)

        assert [1, 1, 1] == counts


async def _as_after_a_crash(database: Database, *, state: str, attempts: int) -> None:
    """Leave the first turn as a process leaves it that dies: its lane owned by a worker that is no more."""
    async with database.write() as connection:
        await connection.execute(update(inbox).where(inbox.c.id == 1).values(state=state, attempts=attempts))
        await connection.execute(
            update(lanes).where(lanes.c.lane == lane_of(ZHANG)).values(state=int(LaneState.READY), head=0, run_at=0.0)
        )


@pytest.mark.parametrize(
    ("state", "begun", "asked", "ends", "sent"),
    [
        pytest.param("waiting", 2, ["毒"], "done", ["好"], id="once more is allowed"),
        pytest.param("waiting", 3, [], "failed", ["apology"], id="begun as often as allowed"),
        pytest.param("waiting", 4, [], "failed", [], id="the apology did not end either"),
        pytest.param("answered", 2, [], "done", ["好"], id="a recorded answer is sent"),
        pytest.param("answered", 3, [], "undelivered", [], id="sending it never ended"),
    ],
)
async def test_a_turn_that_never_ends_is_begun_a_few_times(
    database: Database, state: str, begun: int, asked: list[str], ends: str, sent: list[str]
) -> None:
    async with answering(database) as harness:
        await harness.say(ZHANG, "毒")
        await harness.until_ended(1)
    async with database.write() as connection:
        await connection.execute(update(inbox).values(ended_at=None))
        await connection.execute(update(outbox).values(state="waiting"))
        if state == "waiting":
            await connection.execute(outbox.delete())
    await _as_after_a_crash(database, state=state, attempts=begun)
    async with answering(database, attempts=3) as harness:
        # Seen by `run`, where an answer would be asked for, too.
        (first,) = await harness.until_ended(1)
        await harness.say(ZHANG, "再来")
        await harness.until_ended(2)
        apology = ZH.text("turn.failed", trace="1")

        assert ends == first.state
        assert [apology if each == "apology" else each for each in sent] + ["好"] == harness.channel.sent
        assert (asked == ["毒"]) == ("好" in harness.channel.sent[:1] and state == "waiting" and begun < 3)


async def test_what_is_given_back_in_good_order_does_not_count(database: Database) -> None:
    gate = asyncio.Event()
    async with answering(database) as harness:
        harness.channel.gate = gate
        worker = harness.worker
        worker.resize(most=10, drain_seconds=0.01, turn_attempts=1)

        async def hang(_: Turn) -> Verdict:
            await gate.wait()
            return Finished("done")

        worker._run = hang  # noqa: SLF001 -- a turn that is under way when the service stops
        await harness.say(ZHANG, "长")
    async with answering(database) as harness:
        (verdict,) = await harness.until_ended(1)

        assert "done" == verdict.state
        assert ["好"] == harness.channel.sent


async def test_a_turn_that_breaks_the_engine_ends(database: Database) -> None:
    async with answering(database) as harness:
        harness.break_engine_on("毒")
        await harness.say(LI, "毒")
        await harness.say(ZHANG, "别人")
        await harness.say(LI, "再来")
        await harness.until_ended(2)
        rows = await harness.rows(select(inbox.c.state, inbox.c.failure).where(inbox.c.id == 1))

        assert [("failed", "StopAsyncIteration in the turn itself")] == [tuple(row) for row in rows]
        assert ["好", "好"] == harness.channel.sent


async def test_messages_are_kept_whole_where_they_are_text(database: Database) -> None:
    async with answering(database, {"问": said("答\0案😀")}) as harness:
        await harness.say(ZHANG, "问")
        await harness.until_ended(1)
        rows = await harness.rows(select(messages.c.content).order_by(messages.c.id))

        assert ["问", "答案😀"] == [row.content for row in rows]
