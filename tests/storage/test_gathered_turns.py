"""Messages that are answered as one: each keeps its row, and is answered once, whoever dies meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import time

from sqlalchemy import select

from pipeline.answer import Outcome, Step
from pipeline.events import InboundEvent, Person, Text
from pipeline.lanes import lane_of
from pipeline.ports import AnswerRequest
from pipeline.replies import TextReply
from pipeline.settings import Limits
from pipeline.steps.gathering import Gathering
from pipeline.text.i18n import Catalogue
from pipeline.turn import GATHERED, Turns
from pipeline.turn_state import Turn, Verdict, WaitingMessage
from storage.database.codec import content_from_json, content_to_json
from storage.database.engine import Database
from storage.database.tables import inbox
from storage.turns.heads import NextMessages
from storage.turns.ledger import Ledger
from storage.turns.operations import Accept
from storage.turns.orphans import free_every_lane
from storage.turns.worker import Worker
from tests.fakes.turns import FakeAnswerer, FakeChannel

ANN = Person("fake", "ann")
ZH = Catalogue("zh")


class Echo(FakeAnswerer):
    """Answers with the words it was asked, unless it `hangs`."""

    hangs = False

    async def answer(self, ask: AnswerRequest) -> AsyncGenerator[Step, None]:
        assert isinstance(ask.event.content, Text)
        self.asked.append(ask)
        if self.hangs:
            self.gate.clear()
            await self.gate.wait()
        yield Outcome((TextReply(ask.event.content.text),))


class GatheredTurnsHarness:
    """A worker over a database, with what it has answered."""

    def __init__(self, database: Database, seconds: float) -> None:
        self.database = database
        self.channel = FakeChannel()
        self.answerer = Echo()
        self.worker = Worker(database, most=10, drain_seconds=1.0)
        # No message has to be waited for.
        gathering = Gathering(seconds, NextMessages(database), clock=lambda: time() + 1000)
        self._turns = Turns(
            channels={"fake": self.channel},
            chains={"fake": "default"},
            answerer=self.answerer,
            guards=(),
            journal=self.worker,
            catalogue=ZH,
            limits=Limits(),
            thinking_seconds=0,
            gathering=gathering,
        )

    async def run(self, turn: Turn) -> Verdict:
        return await self._turns.run(turn)

    async def accept(self, *texts: str, person: Person = ANN) -> None:
        """Accept messages as a process does that runs no turns."""
        events = [InboundEvent(f"{person}{text}", person, Text(text), datetime.now(UTC)) for text in texts]
        wishes = [Accept(lane_of(person), event, content_to_json(event.content), claim=False) for event in events]
        await Ledger(self.database, "door").apply(wishes)

    async def ended(self, count: int) -> list[tuple[str, str, str]]:
        """Give what each message says, its state and its reason, once so many have ended."""
        asking = select(inbox.c.content, inbox.c.state, inbox.c.failure, inbox.c.ended_at).order_by(inbox.c.n)
        async with asyncio.timeout(60):
            while True:
                async with self.database.read() as connection:
                    rows = (await connection.execute(asking)).all()
                if sum(row.ended_at is not None for row in rows) >= count:
                    return [(said(row.content), row.state, row.failure) for row in rows]
                await asyncio.sleep(0.005)


def said(content: str) -> str:
    text = content_from_json(content)
    assert isinstance(text, Text)
    return text.text


@asynccontextmanager
async def turns_harness(database: Database, seconds: float = 60.0) -> AsyncIterator[GatheredTurnsHarness]:
    opened = GatheredTurnsHarness(database, seconds)
    try:
        yield opened
    finally:
        await opened.worker.close()


async def test_messages_that_follow_one_another_are_answered_once_in_their_order(database: Database) -> None:
    async with turns_harness(database) as it:
        await it.accept("one", "two", "three", "@help", "four", "five")
        await it.worker.start(it.run)
        rows = await it.ended(6)

    assert ["one\ntwo\nthree", "@help", "four\nfive"] == it.channel.sent
    assert [
        ("one", "done", GATHERED),
        ("one\ntwo", "done", GATHERED),
        ("one\ntwo\nthree", "done", ""),
        ("@help", "done", ""),
        ("four", "done", GATHERED),
        ("four\nfive", "done", ""),
    ] == rows


async def test_it_is_off_unless_it_is_set(database: Database) -> None:
    async with turns_harness(database, 0.0) as it:
        await it.accept("one", "two")
        await it.worker.start(it.run)
        await it.ended(2)

    assert ["one", "two"] == it.channel.sent


async def test_who_dies_between_two_messages_has_neither_answered_twice_nor_lost(database: Database) -> None:
    dead = GatheredTurnsHarness(database, 60.0)
    dead.answerer.hangs = True
    await dead.accept("one", "two", "three")
    await dead.worker.start(dead.run)
    # Two are joined to the third, and its answer is in the making.
    await dead.ended(2)
    async with asyncio.timeout(60):
        while not dead.answerer.asked:  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0.005)
    await free_every_lane(database)
    async with turns_harness(database) as it:
        await it.worker.start(it.run)
        await it.ended(3)
        # It wakes up once more, and finds that the turn is another's.
        dead.answerer.gate.set()
        await dead.worker.close()

        assert ["one\ntwo\nthree"] == it.channel.sent
        assert [] == dead.channel.sent


async def test_a_message_that_came_in_the_meantime_waits_behind_the_joint_answer(database: Database) -> None:
    async with turns_harness(database) as it:
        await it.accept("one", "two")
        await it.worker.start(it.run)
        await it.ended(2)
        event = InboundEvent("later", ANN, Text("three"), datetime.now(UTC))
        await it.worker.accept(event, lane=lane_of(ANN))
        await it.ended(3)

    assert ["one\ntwo", "three"] == it.channel.sent


async def test_what_waits_behind_a_turn_is_read_by_its_place(database: Database) -> None:
    async with turns_harness(database) as it:
        await it.accept("one", "two")
        await it.accept("another's", person=Person("fake", "bob"))
        messages = NextMessages(database)
        event = InboundEvent("k0", ANN, Text("one"), datetime.now(UTC))
        async with database.read() as connection:
            first, second, third = (
                await connection.execute(select(inbox.c.id).order_by(inbox.c.lane, inbox.c.n))
            ).scalars()
        found = await messages.next_message(Turn(first, lane_of(ANN), 1, event, 0.0))
        whose = ((second, ANN), (third, Person("fake", "bob")))
        none = [await messages.next_message(Turn(last, lane_of(who), 1, event, 0.0)) for last, who in whose]

    assert isinstance(found, WaitingMessage)
    assert (second, Text("two")) == (found.turn_id, found.event.content)
    assert [None, None] == none
