"""What is kept of a person and cannot be read is passed over: they are answered, and everything can be deleted."""

from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update

from pipeline.answer import Exchange, ExchangeRecorded, Outcome
from pipeline.events import Person
from pipeline.replies import TextReply
from storage.conversations.audit import deeds
from storage.conversations.chain_revisions import RevisionStore
from storage.conversations.deletion import forget, forget_old
from storage.conversations.transcript import TranscriptStore
from storage.database.engine import Database
from storage.database.tables import audit, chain_releases, conversations, messages, people
from storage.usage.report import usage_report
from tests.databases import open_migrated_file
from tests.storage.test_turn_ends import PAID, ZHANG, answering, said

_WRONG = [
    pytest.param("UPDATE people SET pictures = '[{'", id="pictures"),
    pytest.param("UPDATE people SET forget_asked_at = 1e300", id="a time beyond all calendars"),
    pytest.param("UPDATE people SET conversations = 0", id="a number that was given before"),
    pytest.param("UPDATE people SET conversations = 2147483647", id="the largest number"),
    pytest.param("DELETE FROM people", id="nobody"),
    pytest.param("UPDATE conversations SET turns = 2147483647", id="the largest count"),
    pytest.param("UPDATE conversations SET turns = -3", id="a count below 0"),
    pytest.param("UPDATE conversations SET number = 2147483647", id="a number nobody has"),
    pytest.param("UPDATE conversations SET started_at = 1e300", id="a beginning beyond all calendars"),
    pytest.param("UPDATE conversations SET last_at = 1e300", id="an end beyond all calendars"),
    pytest.param("DELETE FROM messages WHERE role = 'human'", id="no question"),
    pytest.param("DELETE FROM messages WHERE role = 'ai'", id="no answer"),
    pytest.param("UPDATE messages SET role = 'bot'", id="nobody's words"),
    pytest.param("UPDATE messages SET media = '[{'", id="media"),
    pytest.param("UPDATE messages SET created_at = 1e300", id="a moment beyond all calendars"),
    pytest.param("UPDATE spending SET answers = 9223372036854775807, cost = 9223372036854775807", id="large sums"),
]
_LOOSE = [
    pytest.param(f"UPDATE {table} SET {column} = {value}", id=f"{table}.{column} {value}")  # noqa: S608 -- the test's own
    for table, columns in {
        "people": ("persona", "conversations", "pictures", "model", "forget_asked_at"),
        "conversations": ("number", "title", "turns", "asides", "started_at", "last_at"),
        "messages": ("turn", "role", "content", "media"),
    }.items()
    for column in columns
    for value in ("x'00ff'", "'[{'", "9e999")
]


async def ask(database: Database, statement: str) -> None:
    """Let a person be answered, change what is kept of them, and see that they go on, and can be forgotten."""
    answer = said("答")
    async with answering(database, {"一": answer}) as harness:
        await harness.say(ZHANG, "一")
        await harness.until_ended(1)
    async with database.write() as connection:
        await connection.execute(text(statement))
    transcript = TranscriptStore(database)
    known = await transcript.load(ZHANG, turns=10, idle_minutes=60)
    again = Outcome((TextReply("答"),), (ExchangeRecorded(Exchange("问", "答"), PAID, known.conversation),))
    async with answering(database, {"二": again}) as harness:
        await harness.say(ZHANG, "二")
        await harness.until_ended(1)

        assert ["done"] == [verdict.state for verdict in harness.finished]
    await transcript.conversations(ZHANG, limit=10)
    await usage_report(database, "person")
    await forget(database, ZHANG, who="test")
    async with database.read() as connection:
        assert (await connection.execute(select(people.c.person))).all() == []
        assert (await connection.execute(select(conversations.c.id))).all() == []
        assert (await connection.execute(select(messages.c.id))).all() == []


@pytest.mark.parametrize("statement", _WRONG)
async def test_a_person_whose_rows_are_wrong_is_answered_and_can_be_forgotten(
    database: Database, statement: str
) -> None:
    await ask(database, statement)


@pytest.mark.parametrize("statement", _LOOSE)
async def test_sqlite_keeps_anything_and_the_person_is_answered(tmp_path: Path, statement: str) -> None:
    database = await open_migrated_file(tmp_path / "webot.db")
    try:
        await ask(database, statement)
    finally:
        await database.close()


_RELEASE = {"chain": "sales", "revision": "r1", "share": 100, "users": "[]", "at": 1.0}


@pytest.mark.parametrize(
    "wrong", [{"users": "[{"}, {"users": '{"a": 1}'}, {"users": "[1]"}, {"share": 500}, {"share": -1}], ids=str
)
async def test_a_release_that_cannot_be_read_is_passed_over(database: Database, wrong: dict[str, object]) -> None:
    async with database.write() as connection:
        await connection.execute(insert(chain_releases).values(_RELEASE))
        await connection.execute(insert(chain_releases).values(_RELEASE | {"chain": "other"} | wrong))
    revisions = RevisionStore(database)

    assert ["sales"] == list(await revisions.standing())
    assert [] == await revisions.history("other")


async def test_a_release_at_no_time_holds_all_the_same(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(chain_releases).values(_RELEASE | {"at": 1e300}))

    assert ["sales"] == list(await RevisionStore(database).standing())


async def test_the_audit_is_shown_with_rows_that_cannot_be_read(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(audit).values(at=1.0, who="me", action="forget", details="[{"))
        await connection.execute(update(audit).values(at=1e300))

    assert ["me"] == [row.who for row in await deeds(database)]


async def test_retention_is_not_stopped_by_what_cannot_be_read(database: Database) -> None:
    async with answering(database, {"一": said("答")}) as harness:
        await harness.say(ZHANG, "一")
        await harness.say(Person("fake", "li"), "一")
        await harness.until_ended(2)
    async with database.write() as connection:
        await connection.execute(text("UPDATE messages SET media = '[{', created_at = 5"))
        await connection.execute(text("UPDATE conversations SET started_at = 1, last_at = 5"))
        await connection.execute(text("UPDATE outbox SET part = '[{'"))
        await connection.execute(text("UPDATE inbox SET ended_at = 5"))

    assert 4 == (await forget_old(database, days=1)).messages
