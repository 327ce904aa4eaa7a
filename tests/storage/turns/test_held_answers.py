"""What could not be sent goes out with the chat's next message, before its answer and once, on either database."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from pipeline.answer import Outcome, Step
from pipeline.errors import TryAgain, Undeliverable
from pipeline.events import Content, Feedback, InboundEvent, Person, Subscribed, Text
from pipeline.lanes import URGENT, lane_of
from pipeline.ports import AnswerRequest
from pipeline.replies import TextReply
from pipeline.settings import Limits
from pipeline.text.i18n import Catalogue
from pipeline.turn import Turns
from storage.database.engine import Database
from storage.monitoring.views import count_turns, list_turns
from storage.turns.retries import retry
from storage.turns.statements import MOST_HOLDS
from storage.turns.worker import Worker
from tests.fakes.turns import FakeAnswerer, FakeChannel

ZHANG = Person("fake", "zhangsan")
AT = datetime(2026, 11, 28, tzinfo=UTC)


class _Echo(FakeAnswerer):
    """Answers words with themselves, in two parts, and what is done with nothing."""

    async def answer(self, ask: AnswerRequest) -> AsyncGenerator[Step, None]:
        content = ask.event.content
        yield Outcome((TextReply(f"{content.text}1|{content.text}2"),) if isinstance(content, Text) else ())


class Chat:
    """A worker whose channel refuses the texts that are in `closed`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.closed: set[str] = set()
        self.away = False
        self.channel = FakeChannel(self._refuse)
        self.worker = Worker(database, most=10, lease_seconds=3.0)
        self.keys = 0

    @property
    def sent(self) -> list[str]:
        return self.channel.sent

    def _refuse(self, text: str) -> None:
        if text in self.closed:
            raise TryAgain("away") if self.away else Undeliverable("nobody has written lately", until_message=True)

    async def say(self, content: Content, lane: str = "") -> None:
        self.keys += 1
        event = InboundEvent(f"{self.worker.name}{self.keys}", ZHANG, content, AT)
        await self.worker.accept(event, lane=lane or lane_of(ZHANG))
        # Every turn it began has ended.
        while await count_turns(self.database, "waiting"):
            pass


@asynccontextmanager
async def chatting(database: Database) -> AsyncIterator[Chat]:
    chat = Chat(database)
    turns = Turns(
        channels={"fake": chat.channel},
        chains={"fake": "default"},
        answerer=_Echo(),
        guards=(),
        journal=chat.worker,
        catalogue=Catalogue("en"),
        limits=Limits(send_attempts=1),
        thinking_seconds=0.0,
    )
    await chat.worker.start(turns.run)
    try:
        yield chat
    finally:
        await chat.worker.close()


@pytest.mark.parametrize("away", [False, True])
async def test_it_goes_out_before_the_next_answer_by_another_process_and_once(
    database: Database,
    away: bool,  # noqa: FBT001
) -> None:
    async with chatting(database) as before:
        before.away = away
        before.closed = {"a2", "b1"}
        await before.say(Text("a"))
        await before.say(Subscribed())
        await before.say(Feedback("k", good=True))
        failed = await list_turns(database, "failed")
    async with chatting(database) as after:
        await after.say(Text("c"))
        await after.say(Text("d"))
        left = await count_turns(database, "failed")

    assert ["a1"] == before.sent
    assert ["a2", "c1", "c2", "d1", "d2"] == after.sent
    assert [(2, 1, 1)] == [(turn.parts, turn.sent, turn.held) for turn in failed]
    assert 0 == left


async def test_several_go_out_in_their_order_and_what_is_refused_again_waits_again(database: Database) -> None:
    async with chatting(database) as chat:
        chat.closed = {"a1", "b1"}
        await chat.say(Text("a"))
        await chat.say(Text("b"))
        chat.closed = {"b1"}
        await chat.say(Text("c"))
        chat.closed = set()
        await chat.say(Text("d"))

    assert ["a1", "a2", "c1", "c2", "b1", "b2", "d1", "d2"] == chat.sent


async def test_what_every_message_finds_refused_is_left_to_a_hand_in_the_end(database: Database) -> None:
    async with chatting(database) as chat:
        chat.closed = {"a1"}
        for words in ("a", *(str(number) for number in range(MOST_HOLDS + 1))):
            await chat.say(Text(words))
        chat.closed = set()
        await chat.say(Text("z"))
        alone = list(chat.sent)
        await retry(database, chat.worker, [1])
        await chat.say(Text("y"))

    assert "a1" not in alone
    assert ["a1", "a2", "y1", "y2"] == chat.sent[-4:]


async def test_a_word_out_of_order_and_what_was_retried_by_hand_do_not_come_again(database: Database) -> None:
    async with chatting(database) as chat:
        chat.closed = {"a1", "s1"}
        await chat.say(Text("a"))
        await chat.say(Text("s"), lane_of(ZHANG) + URGENT)
        chat.closed = set()
        await retry(database, chat.worker, [1])
        await chat.say(Text("b"))
        await chat.say(Text("t"), lane_of(ZHANG) + URGENT)

    assert ["a1", "a2", "b1", "b2", "t1", "t2"] == chat.sent
