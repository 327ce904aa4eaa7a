"""What every reader of what was spent promises, asked of the real one on both databases and of its fake."""

from collections.abc import Awaitable, Callable
from time import time

import pytest
from sqlalchemy import insert

from pipeline.events import Person
from pipeline.ports import Spending
from pipeline.spending import SpentTotals
from storage.database.engine import Database
from storage.database.tables import spending
from storage.usage.batch import day_of
from storage.usage.totals import UsageTotalsReader
from tests.fakes.accounts import FakeAccounts

ZHANG = Person("wecom", "张三")

Spend = Callable[[int], Awaitable[None]]


@pytest.fixture
def accounts(contract_database: Database | None) -> tuple[Spending, Spend]:
    """Return a reader, and what records that Zhang spent something."""
    if contract_database is None:
        fake = FakeAccounts()

        async def tell(cost: int) -> None:
            fake.own = fake.everybody = SpentTotals(cost, cost)

        return fake, tell
    database, now = contract_database, time()

    async def spend(cost: int) -> None:
        row = {"person": str(ZHANG), "day": day_of(now), "chain": "c", "model": "m", "answers": 1}
        async with database.write() as connection:
            await connection.execute(insert(spending).values(**row, input_tokens=1, output_tokens=1, cost=cost))

    return UsageTotalsReader(database, clock=lambda: now), spend


async def test_nothing_spent_is_nothing(accounts: tuple[Spending, Spend]) -> None:
    it, _ = accounts

    assert SpentTotals() == await it.paid(ZHANG) == await it.paid_by_all()
    assert [] == list(await it.used(ZHANG))


async def test_what_is_paid_counts_for_the_person_and_for_all(accounts: tuple[Spending, Spend]) -> None:
    it, spend = accounts
    await spend(5)

    assert SpentTotals(5, 5) == await it.paid(ZHANG) == await it.paid_by_all()


async def test_an_answer_under_way_counts_for_all_before_it_is_recorded(accounts: tuple[Spending, Spend]) -> None:
    it, spend = accounts
    await spend(5)
    await it.paid_by_all()
    it.paying(7)

    assert SpentTotals(12, 12) == await it.paid_by_all()
    assert SpentTotals(5, 5) == await it.paid(ZHANG)
