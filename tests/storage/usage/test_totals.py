"""What was spent so far, on both databases: by a person, and by all without adding all up each time."""

from datetime import datetime

from sqlalchemy import insert

from pipeline.events import Person
from pipeline.spending import ModelUsage, SpentTotals, UsageTotals
from storage.database.engine import Database
from storage.database.tables import spending
from storage.usage.batch import day_of
from storage.usage.totals import FRESH_SECONDS, UsageTotalsReader
from tests.hand_clock import HandClock

ZHANG, LI = Person("wecom", "张三"), Person("wecom", "李四")
# A Wednesday, the eighteenth, of this machine's own time.
NOON = datetime(2026, 11, 18, 12).astimezone().timestamp()
DAY = 86400.0


async def spent(database: Database, person: Person, cost: int, *, model: str = "m", days_ago: float = 0) -> None:
    row = {"person": str(person), "day": day_of(NOON - days_ago * DAY), "chain": f"c{cost}", "model": model}
    async with database.write() as connection:
        await connection.execute(
            insert(spending).values(**row, answers=1, input_tokens=cost * 10, output_tokens=cost, cost=cost)
        )


async def test_a_persons_day_and_month_are_their_own(database: Database) -> None:
    accounts = UsageTotalsReader(database, clock=HandClock(NOON))
    assert SpentTotals() == await accounts.paid(ZHANG)

    await spent(database, ZHANG, 5)
    await spent(database, ZHANG, 7)
    await spent(database, ZHANG, 11, days_ago=17)
    await spent(database, ZHANG, 1000, days_ago=18)
    await spent(database, LI, 100)

    assert SpentTotals(12, 23) == await accounts.paid(ZHANG)
    assert SpentTotals(100, 100) == await accounts.paid(LI)


async def test_what_a_person_used_is_told_by_model_the_dearest_first(database: Database) -> None:
    await spent(database, ZHANG, 5, model="small")
    await spent(database, ZHANG, 6, model="large")
    await spent(database, ZHANG, 7, model="large", days_ago=3)
    await spent(database, LI, 100)

    assert [
        ModelUsage("large", UsageTotals(1, 60, 6, 6), UsageTotals(2, 130, 13, 13)),
        ModelUsage("small", UsageTotals(1, 50, 5, 5), UsageTotals(1, 50, 5, 5)),
    ] == await UsageTotalsReader(database, clock=HandClock(NOON)).used(ZHANG)
    assert [] == await UsageTotalsReader(database, clock=HandClock(NOON)).used(Person("hr", "张三"))


async def test_the_sum_of_all_is_added_up_anew_after_some_seconds_and_ones_own_at_once(database: Database) -> None:
    clock = HandClock(NOON)
    ours, theirs = UsageTotalsReader(database, clock=clock), UsageTotalsReader(database, clock=clock)
    await spent(database, ZHANG, 5)
    await spent(database, LI, 7, days_ago=2)
    await spent(database, LI, 1000, days_ago=18)
    assert SpentTotals(5, 12) == await ours.paid_by_all() == await theirs.paid_by_all()

    await spent(database, LI, 100)
    ours.paying(100)
    assert (SpentTotals(105, 112), SpentTotals(5, 12)) == (await ours.paid_by_all(), await theirs.paid_by_all())

    clock.now += FRESH_SECONDS
    assert SpentTotals(105, 112) == await ours.paid_by_all() == await theirs.paid_by_all()


async def test_a_new_day_and_a_new_month_begin_with_nothing(database: Database) -> None:
    clock = HandClock(NOON)
    accounts = UsageTotalsReader(database, clock=clock)
    await spent(database, ZHANG, 5)
    assert SpentTotals(5, 5) == await accounts.paid_by_all() == await accounts.paid(ZHANG)

    clock.now = datetime(2026, 11, 19).astimezone().timestamp()
    assert SpentTotals(0, 5) == await accounts.paid_by_all() == await accounts.paid(ZHANG)

    clock.now = datetime(2026, 12, 1).astimezone().timestamp()
    assert SpentTotals() == await accounts.paid_by_all() == await accounts.paid(ZHANG)
