"""What forgotten people spent: theirs until the month is over, and nobody's after that."""

from datetime import UTC, datetime

from sqlalchemy import insert, select

from pipeline.events import Person
from pipeline.spending import SpentTotals
from storage.database.engine import Database
from storage.database.tables import forgotten_keys, spending
from storage.usage.batch import day_of
from storage.usage.pseudonyms import anonymise, drop_pseudonyms, insert_into
from storage.usage.report import FORGOTTEN, usage_report
from storage.usage.totals import UsageTotalsReader

ZHANG, LI = Person("wecom", "zhangsan"), Person("wecom", "lisi")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
DAY = 86400.0


async def spend(database: Database, person: Person, cost: int, *, days_ago: int = 0) -> None:
    row = {"person": str(person), "day": day_of(NOON - days_ago * DAY), "chain": "default", "model": "m"}
    async with database.write() as connection:
        await connection.execute(insert(spending).values(**row, answers=1, input_tokens=1, output_tokens=1, cost=cost))


async def forget(database: Database, person: Person, *, now: float = NOON) -> None:
    insert = insert_into(database)
    await database.transact(lambda connection: anonymise(connection, person, insert=insert, now=now))


async def people(database: Database) -> set[str]:
    async with database.read() as connection:
        return {row.person for row in await connection.execute(select(spending.c.person))}


async def test_being_forgotten_refills_no_budget(database: Database) -> None:
    accounts = UsageTotalsReader(database, clock=lambda: NOON)
    for cost in (5, 7):
        await spend(database, ZHANG, cost)
        await spend(database, LI, 100 * cost)
        await forget(database, ZHANG)
        await forget(database, LI)

    assert SpentTotals(12, 12) == await accounts.paid(ZHANG)
    assert SpentTotals(1200, 1200) == await accounts.paid(LI)
    assert SpentTotals() == await accounts.paid(Person("hr", "zhangsan"))
    (used,) = await accounts.used(ZHANG)
    assert 12 == used.month.cost


async def test_nobodys_name_is_left_and_earlier_months_are_nobodys(database: Database) -> None:
    await spend(database, ZHANG, 5)
    await spend(database, ZHANG, 11, days_ago=30)
    await forget(database, ZHANG)

    assert "" in await people(database)
    assert not any("zhangsan" in person for person in await people(database))
    assert SpentTotals(5, 5) == await UsageTotalsReader(database, clock=lambda: NOON).paid(ZHANG)


async def test_the_pseudonym_and_its_key_go_with_the_month(database: Database) -> None:
    for person in (ZHANG, LI):
        await spend(database, person, 5)
        await forget(database, person)
    await drop_pseudonyms(database, now=NOON)
    before = await people(database)
    await drop_pseudonyms(database, now=NOON + 10 * DAY)
    async with database.read() as connection:
        keys = (await connection.execute(select(forgotten_keys))).all()

    assert 2 == len(before)
    assert {""} == await people(database)
    assert [] == keys
    assert [(FORGOTTEN, 10)] == [(each.of, each.cost) for each in await usage_report(database, "person")]


async def test_usage_shows_forgotten_people_in_one_line(database: Database) -> None:
    for person in (ZHANG, LI):
        await spend(database, person, 5)
        await spend(database, person, 5, days_ago=30)
        await forget(database, person)
    await spend(database, ZHANG, 1)

    assert [(FORGOTTEN, 4, 20), (str(ZHANG), 1, 1)] == [
        (each.of, each.answers, each.cost) for each in await usage_report(database, "person")
    ]
