"""Answers and tokens, added up."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from storage.engine import Database
from storage.tables import conversations, messages
from storage.usage import By, Usage, usage

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def answered(database: Database, person: str, model: str, tokens: tuple[int, int], days_ago: int = 0) -> None:
    async with database.write() as connection:
        talk = insert(conversations).values(
            person=person, number=1000 * days_ago + tokens[0], title="", started_at=0.0, last_at=0.0
        )
        conversation = (await connection.execute(talk.returning(conversations.c.id))).scalar_one()
        for role in ("human", "ai"):
            await connection.execute(
                insert(messages).values(
                    conversation_id=conversation,
                    turn=1,
                    role=role,
                    content="words",
                    created_at=(NOON - timedelta(days=days_ago)).timestamp(),
                    trace=1,
                    chain="default" if role == "ai" else "",
                    model=model if role == "ai" else "",
                    input_tokens=tokens[0] if role == "ai" else 0,
                    output_tokens=tokens[1] if role == "ai" else 0,
                )
            )


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("person", [Usage("wecom/ann", 2, 110, 11), Usage("wecom/bob", 1, 50, 5)]),
        ("chain", [Usage("default", 3, 160, 16)]),
        ("model", [Usage("big", 1, 100, 10), Usage("small", 2, 60, 6)]),
        ("day", [Usage("2026-11-20", 1, 50, 5), Usage("2026-11-22", 2, 110, 11)]),
    ],
)
async def test_what_answers_took_is_added_up(database: Database, by: By, expected: list[Usage]) -> None:
    await answered(database, "wecom/ann", "big", (100, 10))
    await answered(database, "wecom/ann", "small", (10, 1))
    await answered(database, "wecom/bob", "small", (50, 5), days_ago=2)

    assert expected == await usage(database, by)
    assert 2 == sum(each.answers for each in await usage(database, by, since=NOON - timedelta(days=1)))


async def test_nothing_said_is_nothing_used(database: Database) -> None:
    assert [] == await usage(database, "day")
