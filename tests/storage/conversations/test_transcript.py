"""What a model may know of a person, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import time

import pytest
from sqlalchemy import select

from pipeline.answer import (
    Change,
    Conversation,
    ConversationClosed,
    ConversationContext,
    Exchange,
    ExchangeRecorded,
    ImageReceived,
    ModelChosen,
    Provenance,
    StyleChosen,
)
from pipeline.events import InboundEvent, Person, Text, Voice
from pipeline.replies import StoredMedia
from pipeline.turn_state import Turn
from storage.conversations.transcript import TranscriptStore
from storage.database.engine import Database
from storage.database.tables import messages
from tests.storage.conversations.writing import write_changes

ZHANG = Person("wecom", "张三")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CAT = StoredMedia("c" * 64, "image/jpeg", "image.jpg", 1234)
DOG = StoredMedia("d" * 64, "image/png", "image.png", 77)
MADE_BY = Provenance("default", "0" * 12, "test-model")


class Diary:
    """Writes changes as the ledger does, one transaction each, and recalls what they left."""

    def __init__(self, database: Database, *, now: float = NOON.timestamp()) -> None:
        self._database = database
        self._transcript = TranscriptStore(database)
        self._now = now

    async def write(self, change: Change) -> None:
        self._now += 1
        turn = Turn(1, "lane", 0, InboundEvent("k", ZHANG, Text("?"), NOON), accepted_at=self._now)
        await write_changes(self._database, [(change, turn)], now=self._now)

    async def recall(self, turns: int = 10, *, idle_minutes: int = 0) -> ConversationContext:
        return await self._transcript.load(ZHANG, turns=turns, idle_minutes=idle_minutes)

    async def conversation(self) -> Conversation | None:
        return (await self.recall(0)).conversation

    async def say(self, question: str, *, aside: bool = False, pictures: tuple[StoredMedia, ...] = ()) -> None:
        exchange = Exchange(question, f"re: {question}", pictures, (DOG,) if aside else ())
        await self.write(ExchangeRecorded(exchange, MADE_BY, await self.conversation(), aside))


@pytest.fixture
def diary(database: Database) -> Diary:
    return Diary(database)


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (0, []),
        (1, ["four"]),
        (2, ["three", "four"]),
        (3, ["two", "three", "four"]),
        (9, ["one", "two", "three", "four"]),
    ],
)
async def test_the_window_passes_over_what_commands_did(diary: Diary, turns: int, expected: list[str]) -> None:
    await diary.say("@image a", aside=True)
    await diary.say("one")
    await diary.say("two")
    await diary.say("@image b", aside=True)
    await diary.say("three")
    await diary.say("@image c", aside=True)
    await diary.say("@image d", aside=True)
    await diary.say("four")
    await diary.say("@image e", aside=True)

    assert expected == [exchange.question for exchange in (await diary.recall(turns)).exchanges]


async def test_a_conversation_that_was_idle_for_too_long_is_over_and_the_next_begins(database: Database) -> None:
    diary = Diary(database, now=time() - 3600)
    await diary.say("before")
    known = await diary.recall(idle_minutes=61)
    forgotten = await diary.recall(idle_minutes=59)
    await diary.write(ExchangeRecorded(Exchange("after", "re: after"), MADE_BY, forgotten.conversation))
    talks = await TranscriptStore(database).conversations(ZHANG, limit=9)

    assert ["before"] == [exchange.question for exchange in known.exchanges]
    assert ConversationContext() == forgotten
    assert [(2, "after"), (1, "before")] == [(talk.number, talk.title) for talk in talks]
    assert ["after"] == [exchange.question for exchange in (await diary.recall()).exchanges]


async def test_a_conversation_of_commands_alone_is_one_with_nothing_to_show(diary: Diary) -> None:
    await diary.say("@image a", aside=True)
    await diary.say("@image b", aside=True)
    known = await diary.recall()

    assert () == known.exchanges
    assert known.conversation is not None
    assert (2, "@image a") == (known.conversation.exchange_count, known.conversation.title)


async def test_pictures_are_recalled_with_the_exchange_they_belong_to(diary: Diary) -> None:
    await diary.say("what is this", pictures=(CAT, DOG))
    (exchange,) = (await diary.recall()).exchanges

    assert Exchange("what is this", "re: what is this", (CAT, DOG)) == exchange


async def test_pictures_that_came_alone_wait_for_the_question_that_takes_them_along(diary: Diary) -> None:
    first, second = ImageReceived(CAT, NOON), ImageReceived(DOG, NOON + timedelta(seconds=5))
    await diary.write(first)
    await diary.write(second)
    waiting = await diary.recall()
    await diary.say("which is the cat", pictures=(CAT, DOG))

    assert ConversationContext(pictures=(first, second)) == replace(waiting, persona="")
    assert () == (await diary.recall()).pictures


async def test_a_question_without_them_leaves_pictures_waiting(diary: Diary) -> None:
    await diary.say("hello")
    await diary.write(ImageReceived(CAT, NOON))
    await diary.say("@image a", aside=True)

    assert (ImageReceived(CAT, NOON),) == (await diary.recall()).pictures


async def test_a_fresh_start_forgets_waiting_pictures(diary: Diary) -> None:
    await diary.write(ImageReceived(CAT, NOON))
    await diary.write(ConversationClosed())

    assert () == (await diary.recall()).pictures


async def test_only_the_latest_nine_pictures_wait(diary: Diary) -> None:
    for number in range(12):
        await diary.write(ImageReceived(replace(CAT, size=number), NOON))

    assert list(range(3, 12)) == [came.media.size for came in (await diary.recall()).pictures]


async def test_the_model_a_person_chose_is_recalled_until_they_choose_again(diary: Diary) -> None:
    await diary.write(ModelChosen("fast"))
    await diary.say("一")
    chosen = (await diary.recall()).model
    await diary.write(ModelChosen(""))

    assert ("fast", "") == (chosen, (await diary.recall()).model)


async def test_the_style_a_person_chose_is_kept_until_they_choose_again(diary: Diary, database: Database) -> None:
    styles = TranscriptStore(database)
    seen = [await styles.message_style(ZHANG)]
    for style in ("plain", "rich", ""):
        await diary.write(StyleChosen(style))
        seen.append(await styles.message_style(ZHANG))

    assert ["", "plain", "rich", ""] == seen


async def test_a_question_that_came_as_a_voice_message_is_kept_as_spoken(database: Database) -> None:
    contents: tuple[Text | Voice, ...] = (Text("typed"), Voice("media", "amr"), Text("written down", spoken=True))
    for number, content in enumerate(contents):
        turn = Turn(number + 1, "lane", number, InboundEvent(f"k{number}", ZHANG, content, NOON), accepted_at=1.0)
        known = await TranscriptStore(database).load(ZHANG, turns=0, idle_minutes=0)
        change = ExchangeRecorded(Exchange("问题", "回答"), MADE_BY, known.conversation)
        await write_changes(database, [(change, turn)], now=NOON.timestamp())
    async with database.read() as connection:
        rows = (await connection.execute(select(messages.c.role, messages.c.spoken).order_by(messages.c.id))).all()

    assert [False, False, True, False, True, False] == [row.spoken for row in rows]
    assert ["human", "ai"] * 3 == [row.role for row in rows]
