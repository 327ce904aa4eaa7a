"""What was spent so far, read back for those who ask and for those who may have to stop.

One person's sums are a few rows of the primary key. All people's are too many to add up for every message: they are
added up every few seconds at most, and what this process spends in between is added at once.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import time
from typing import Any

from sqlalchemy import Row, bindparam, case, func, select

from pipeline.events import Person
from pipeline.spending import ModelUsage, SpentTotals, UsageTotals
from storage.database.engine import Database
from storage.database.reading import read_count
from storage.database.tables import spending
from storage.usage.batch import day_of, month_of
from storage.usage.pseudonyms import insert_into, month_key, pseudonym

FRESH_SECONDS = 5.0
"""How old the sum of all people may be: so long may several processes differ."""

_CLOSED_SECONDS = 600.0

_TODAY = spending.c.day == bindparam("today")
# Also what they spent this month before they wanted to be forgotten.
_THEIRS = spending.c.person.in_((bindparam("who"), bindparam("before"))) & (spending.c.day >= bindparam("first"))
_PAID = select(
    func.coalesce(func.sum(case((_TODAY, spending.c.cost), else_=0)), 0).label("today"),
    func.coalesce(func.sum(spending.c.cost), 0).label("month"),
).where(_THEIRS)
_USED = (
    select(
        spending.c.model,
        _TODAY.label("is_today"),
        func.sum(spending.c.answers).label("answers"),
        func.sum(spending.c.input_tokens).label("input_tokens"),
        func.sum(spending.c.output_tokens).label("output_tokens"),
        func.sum(spending.c.cost).label("cost"),
        func.sum(spending.c.estimated).label("estimated"),
    )
    .where(_THEIRS)
    .group_by(spending.c.model, "is_today")
)
_BETWEEN = select(func.coalesce(func.sum(spending.c.cost), 0)).where(
    spending.c.day >= bindparam("first"), spending.c.day < bindparam("last")
)


class UsageTotalsReader:
    """Implements `Spending` over the database."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time) -> None:
        self._database = database
        self._clock = clock
        self._reading = asyncio.Lock()
        self._all = SpentTotals()
        self._all_day = self._closed_day = -1
        self._all_at = self._closed_at = 0.0
        self._closed = 0
        self._key = (-1, "")
        """A month and its key, which stays the same."""

    async def used(self, person: Person) -> Sequence[ModelUsage]:
        """Implement `Spending.used`."""
        rows = await self._rows(_USED, person)
        models: dict[str, list[UsageTotals]] = {}
        for row in rows:
            counted = (row.answers, row.input_tokens, row.output_tokens, row.cost, row.estimated)
            sums = UsageTotals(*map(read_count, counted))
            today, month = models.setdefault(row.model, [UsageTotals(), UsageTotals()])
            models[row.model] = [today + sums if row.is_today else today, month + sums]
        found = [ModelUsage(model, *sums) for model, sums in models.items()]
        return sorted(found, key=lambda used: (-used.month.cost, -used.month.answers, used.model))

    async def paid(self, person: Person) -> SpentTotals:
        """Implement `Spending.paid`."""
        (row,) = await self._rows(_PAID, person)
        return SpentTotals(read_count(row.today), read_count(row.month))

    async def paid_by_all(self) -> SpentTotals:
        """Implement `Spending.paid_by_all`."""
        if not self._is_fresh():
            # Whoever comes meanwhile waits for the one sum instead of making their own.
            async with self._reading:
                if not self._is_fresh():
                    await self._add_up()
        return self._all

    def paying(self, cost: int) -> None:
        """Implement `Spending.paying`."""
        self._all = SpentTotals(self._all.today + cost, self._all.month + cost)

    async def _month_key(self, month: int) -> str:
        if self._key[0] != month:
            insert = insert_into(self._database)
            key = await self._database.transact(lambda connection: month_key(connection, month, insert=insert))
            self._key = month, key
        return self._key[1]

    def _is_fresh(self) -> bool:
        now = self._clock()
        return self._all_day == day_of(now) and 0 <= now - self._all_at < FRESH_SECONDS

    async def _add_up(self) -> None:
        now = self._clock()
        today, first = day_of(now), month_of(now)
        async with self._database.read() as connection:
            # Days that are over hardly change: only what was answered at midnight may still be written.
            if self._closed_day != today or not 0 <= now - self._closed_at < _CLOSED_SECONDS:
                closed = await connection.execute(_BETWEEN, {"first": first, "last": today})
                self._closed, self._closed_day, self._closed_at = read_count(closed.scalar_one()), today, now
            found = await connection.execute(_BETWEEN, {"first": today, "last": today + 1})
            paid = read_count(found.scalar_one())
        self._all = SpentTotals(paid, self._closed + paid)
        self._all_day, self._all_at = today, now

    async def _rows(self, wanted: Any, person: Person) -> Sequence[Row[*tuple[Any, ...]]]:  # noqa: ANN401
        now = self._clock()
        first = month_of(now)
        before = pseudonym(await self._month_key(first), person)
        about = {"who": str(person), "before": before, "today": day_of(now), "first": first}
        async with self._database.read() as connection:
            return (await connection.execute(wanted, about)).all()
