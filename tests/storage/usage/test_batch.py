"""What answers took and what people think of them, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import insert, select

from pipeline.answer import (
    Change,
    ConversationClosed,
    Exchange,
    ExchangeRecorded,
    Provenance,
    Rated,
    TokenUsage,
)
from pipeline.events import InboundEvent, Person, Text
from pipeline.turn_state import Turn
from storage.conversations.deletion import forget
from storage.conversations.ratings import RatingCount, count_ratings
from storage.conversations.transcript import TranscriptStore
from storage.database.engine import Database
from storage.database.tables import inbox, messages, spending
from storage.usage.batch import day_of
from tests.storage.conversations.writing import write_changes

ZHANG = Person("wecom", "张三")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TURN = Turn(1, "lane", 0, InboundEvent("k", ZHANG, Text("?"), NOON), accepted_at=NOON.timestamp())
FAST = Provenance("default", "0" * 12, "fast", input_tokens=100, output_tokens=20, cost=7)


async def write(database: Database, *changes: Change) -> None:
    await write_changes(database, [(change, TURN) for change in changes], now=NOON.timestamp())


async def say(database: Database, made_by: Provenance = FAST, *, aside: bool = False) -> None:
    known = await TranscriptStore(database).load(ZHANG, turns=0, idle_minutes=0)
    await write(database, ExchangeRecorded(Exchange("问", "答"), made_by, known.conversation, aside))


async def spent(database: Database) -> list[tuple[object, ...]]:
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(select(spending).order_by(spending.c.model))]


async def ratings(database: Database) -> list[tuple[int, str]]:
    wanted = select(messages.c.rating, messages.c.rating_note).where(messages.c.role == "ai").order_by(messages.c.id)
    async with database.read() as connection:
        return [(row.rating, row.rating_note) for row in await connection.execute(wanted)]


async def test_what_answers_took_is_added_up_by_day_chain_and_model(database: Database) -> None:
    await say(database)
    await say(database)
    await say(database, replace(FAST, model="large", cost=1000, estimated=110))
    await say(database, Provenance("help", "", ""), aside=True)

    day = day_of(NOON.timestamp())
    assert [
        (str(ZHANG), day, "default", "fast", 2, 200, 40, 14, 0),
        (str(ZHANG), day, "default", "large", 1, 100, 20, 1000, 110),
    ] == await spent(database)


async def test_what_other_models_took_for_an_answer_is_theirs(database: Database) -> None:
    await say(database, replace(FAST, other_usage=(TokenUsage("chooser", 60, 5, 2),)))

    day = day_of(NOON.timestamp())
    assert [
        (str(ZHANG), day, "default", "chooser", 0, 60, 5, 2, 0),
        (str(ZHANG), day, "default", "fast", 1, 40, 15, 5, 0),
    ] == await spent(database)


async def test_what_a_forgotten_person_took_stays_in_the_sum_under_a_pseudonym(database: Database) -> None:
    await say(database)
    await forget(database, ZHANG, who="test")

    ((person, *sums),) = await spent(database)

    assert str(person).startswith("forgotten:")
    assert [day_of(NOON.timestamp()), "default", "fast", 1, 100, 20, 7, 0] == sums


async def test_a_judgement_is_of_the_latest_answer_and_the_last_one_counts(database: Database) -> None:
    await say(database)
    await say(database)
    await say(database, Provenance("export", "", ""), aside=True)
    await write(database, Rated(good=True))
    await write(database, Rated(good=False, why="答非所问"))

    assert [(0, ""), (-1, "答非所问"), (0, "")] == await ratings(database)


async def test_a_judgement_by_an_answers_key_is_of_the_revision_that_gave_it(database: Database) -> None:
    common = {"lane": "lane", "channel": "wecom", "user": "张三", "content": "", "sent_at": 0.0, "accepted_at": 0.0}
    async with database.write() as connection:
        await connection.execute(insert(inbox).values(id=1, key="k", n=1, **common))
    await say(database)
    # The chain is edited, and answers something else, before the first answer is judged.
    known = await TranscriptStore(database).load(ZHANG, turns=0, idle_minutes=0)
    edited = ExchangeRecorded(Exchange("问", "答"), replace(FAST, revision="1" * 12), known.conversation)
    await write_changes(database, [(edited, replace(TURN, id=2))], now=NOON.timestamp())
    await write(database, Rated(good=False, why="答非所问", answer="k"))

    assert {("default", "0" * 12): RatingCount(bad=1)} == await count_ratings(database)


async def test_only_a_models_answer_can_be_judged(database: Database) -> None:
    transcript = TranscriptStore(database)
    unknown = await transcript.answered(ZHANG, ZHANG)
    await say(database, Provenance("export", "", ""), aside=True)
    by_command = await transcript.answered(ZHANG, ZHANG)
    await say(database)
    await write(database, ConversationClosed())

    assert (False, False, True) == (unknown, by_command, await transcript.answered(ZHANG, ZHANG))
    assert not await transcript.answered(Person("wecom", "李四"), Person("wecom", "李四"))


async def test_a_judgement_of_nothing_changes_nothing(database: Database) -> None:
    await write(database, Rated(good=True))

    assert await ratings(database) == []
