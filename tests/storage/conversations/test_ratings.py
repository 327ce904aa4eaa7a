"""What people think of answers, counted and read back, on both databases."""

import pytest
from sqlalchemy import select, update

from storage.conversations.ratings import Rating, RatingCount, adopt_ratings, count_ratings, latest_rated
from storage.database.engine import Database
from storage.database.tables import conversations, messages
from tests.storage.conversations.test_questions import talk


async def judge(database: Database, user: str, turn: int, rating: int, why: str = "", *, revision: str = "r1") -> None:
    talks = select(conversations.c.id).where(conversations.c.person == f"wecom/{user}")
    async with database.write() as connection:
        await connection.execute(
            update(messages)
            .where(messages.c.conversation_id.in_(talks), messages.c.turn == turn, messages.c.role == "ai")
            .values(rating=rating, rating_note=why, revision=revision)
        )
    await adopt_ratings(database)


@pytest.fixture
async def judged(database: Database) -> Database:
    await talk(database, "Ann", "hr", "it", "hr")
    await talk(database, "bob", "hr", "hr")
    await judge(database, "Ann", 1, 1)
    await judge(database, "Ann", 2, -1, "too slow")
    await judge(database, "Ann", 3, -1, "wrong", revision="r2")
    await judge(database, "bob", 1, -1, "rude")
    return database


async def test_judgements_are_counted_by_chain_and_revision(judged: Database) -> None:
    assert {
        ("hr", "r1"): RatingCount(good=1, bad=1),
        ("hr", "r2"): RatingCount(bad=1),
        ("it", "r1"): RatingCount(bad=1),
    } == await count_ratings(judged)


@pytest.mark.parametrize(
    ("rated", "last", "found"),
    [
        ("", 9, ["rude", "wrong", ""]),
        ("bad", 9, ["rude", "wrong"]),
        ("good", 9, [""]),
        ("", 2, ["rude", "wrong"]),
    ],
)
async def test_the_latest_come_first(judged: Database, rated: Rating, last: int, found: list[str]) -> None:
    assert found == [each.why for each in await latest_rated(judged, "hr", last=last, users=(), rated=rated)]


@pytest.mark.parametrize(
    ("users", "questions"),
    [
        ((), ["", "", ""]),
        (("ann",), ["", "Ann asks 3", "Ann asks 1"]),
        (("*",), ["bob asks 1", "Ann asks 3", "Ann asks 1"]),
    ],
)
async def test_only_those_who_agreed_are_quoted(judged: Database, users: tuple[str, ...], questions: list[str]) -> None:
    found = await latest_rated(judged, "hr", last=9, users=users)

    assert questions == [each.question for each in found]
    assert [bool(question) for question in questions] == [bool(each.answer) for each in found]
    assert ["rude", "wrong", ""] == [each.why for each in found]
