"""Answers, tokens and costs, added up."""

from datetime import date

import pytest
from sqlalchemy import insert

from storage.database.engine import Database
from storage.database.tables import spending
from storage.usage.batch import number_of
from storage.usage.report import By, UsageRow, usage_report

SUNDAY = date(2026, 11, 22)
FRIDAY = date(2026, 11, 20)


async def answered(database: Database, person: str, model: str, sums: tuple[int, int, int], day: date = SUNDAY) -> None:
    """Record one answer with its tokens and cost."""
    taken, given, cost = sums
    row = {"person": person, "day": number_of(day), "chain": "default", "model": model}
    async with database.write() as connection:
        await connection.execute(
            insert(spending).values(**row, answers=1, input_tokens=taken, output_tokens=given, cost=cost)
        )


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (
            "person",
            [
                UsageRow("wecom/ann", 2, 110, 11, 7),
                UsageRow("wecom/bob", 1, 50, 5, 3),
                UsageRow("(forgotten)", 1, 1, 1, 1),
            ],
        ),
        ("chain", [UsageRow("default", 4, 161, 17, 11)]),
        ("model", [UsageRow("small", 3, 61, 7, 9), UsageRow("big", 1, 100, 10, 2)]),
        ("day", [UsageRow("2026-11-20", 1, 50, 5, 3), UsageRow("2026-11-22", 3, 111, 12, 8)]),
    ],
)
async def test_what_answers_took_is_added_up(database: Database, by: By, expected: list[UsageRow]) -> None:
    await answered(database, "wecom/ann", "big", (100, 10, 2))
    await answered(database, "wecom/ann", "small", (10, 1, 5))
    await answered(database, "wecom/bob", "small", (50, 5, 3), FRIDAY)
    await answered(database, "", "small", (1, 1, 1))

    assert expected == await usage_report(database, by)
    assert 3 == sum(each.answers for each in await usage_report(database, by, since=SUNDAY))
    assert 1 == sum(each.answers for each in await usage_report(database, by, until=FRIDAY))
    assert [] == await usage_report(database, by, since=date(2026, 11, 21), until=date(2026, 11, 21))


async def test_nothing_said_is_nothing_used(database: Database) -> None:
    assert [] == await usage_report(database, "day")
