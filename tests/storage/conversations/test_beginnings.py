"""Conversations that begin in one transaction, on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import event, select

from pipeline.answer import ConversationClosed, Exchange, ExchangeRecorded, PersonaSet, Provenance
from pipeline.events import InboundEvent, Person, Text
from pipeline.turn_state import Turn
from storage.conversations.transcript import TranscriptStore
from storage.database.engine import Database
from storage.database.tables import conversations, messages, people
from tests.storage.conversations.writing import write_changes

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MADE_BY = Provenance("default", "0" * 12, "test-model", input_tokens=3, cost=5)


def turn(person: Person, number: int = 1) -> Turn:
    return Turn(number, "lane", 0, InboundEvent(f"k{number}", person, Text("?"), NOON), accepted_at=NOON.timestamp())


def said(text: str) -> ExchangeRecorded:
    return ExchangeRecorded(Exchange(text, f"re: {text}"), MADE_BY, None)


async def write(
    database: Database, *changes: tuple[Person, ExchangeRecorded | ConversationClosed | PersonaSet]
) -> None:
    await write_changes(
        database, [(change, turn(person, n)) for n, (person, change) in enumerate(changes)], now=NOON.timestamp()
    )


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Collect the statements that are executed in transactions."""
    statements: list[str] = []
    whole = database._whole  # noqa: SLF001 -- no port counts statements
    engine = database._writers.sync_engine if whole is None else whole._engine  # noqa: SLF001

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_a_hundred_people_begin_in_as_many_statements_as_two(database: Database) -> None:
    await write(database, (Person("wecom", "0"), said("warm")))
    used = []
    for count in (2, 100):
        with counted(database) as statements:
            await write(database, *((Person("wecom", f"u{count}-{n}"), said(f"{n}")) for n in range(count)))
        used.append(len(statements))

    assert used[0] == used[1]
    async with database.read() as connection:
        assert 103 == len((await connection.execute(select(conversations.c.id))).all())
        assert 206 == len((await connection.execute(select(messages.c.id))).all())


async def test_each_gets_their_own_words(database: Database) -> None:
    persons = [Person("wecom", f"u{n}") for n in (3, 1, 2)]
    await write(database, *((person, said(f"我是 {person.user}")) for person in persons))

    store = TranscriptStore(database)
    for person in persons:
        known = await store.load(person, turns=5, idle_minutes=0)
        assert [Exchange(f"我是 {person.user}", f"re: 我是 {person.user}")] == list(known.exchanges)


async def test_two_that_begin_at_once_for_one_person_are_two(database: Database) -> None:
    zhang = Person("wecom", "张三")
    await write(database, (zhang, said("first")), (zhang, said("second")))

    async with database.read() as connection:
        rows = (await connection.execute(select(conversations).order_by(conversations.c.number))).all()
        person = (await connection.execute(select(people))).one()
    assert [("first", 1, False), ("second", 2, True)] == [
        (row.title, row.number, row.closed_at is None) for row in rows
    ]
    assert rows[1].id == person.conversation_id


async def test_what_follows_in_the_same_transaction_finds_it_begun(database: Database) -> None:
    zhang, li = Person("wecom", "张三"), Person("wecom", "李四")
    await write(
        database,
        (zhang, said("one")),
        (li, said("two")),
        (zhang, PersonaSet("海盗")),
        (li, ConversationClosed()),
    )

    async with database.read() as connection:
        rows = {row.person: row for row in await connection.execute(select(conversations))}
    assert ("海盗", None) == (rows[str(zhang)].persona, rows[str(zhang)].closed_at)
    assert rows[str(li)].closed_at is not None
