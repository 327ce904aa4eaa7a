"""How long answers took, out of the latest ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import quantiles

from sqlalchemy import select

from storage.database.engine import Database
from storage.database.reading import read_count
from storage.database.tables import messages

LOOKED_AT = 5_000
"""Answers that are looked at, the latest ones: read by the primary key, whatever the table has grown to."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds that answers took to make: half of them at most `median`, 95 of 100 at most `p95`."""

    answers: int = 0
    median: int = 0
    p95: int = 0


async def latencies(database: Database, *, since: date) -> Latencies:
    """Return what the latest answers took, those of this day and later."""
    start = datetime.combine(since, datetime.min.time()).astimezone().timestamp()
    latest = (
        select(messages.c.milliseconds, messages.c.created_at, messages.c.model, messages.c.role)
        .order_by(messages.c.id.desc())
        .limit(2 * LOOKED_AT)
    )
    async with database.read() as connection:
        rows = (await connection.execute(latest)).all()
    taken = [
        read_count(row.milliseconds)
        for row in rows
        if row.role == "ai" and row.model and isinstance(row.created_at, float | int) and row.created_at >= start
    ]
    return _of(taken)


def _of(taken: Sequence[int]) -> Latencies:
    if not taken:
        return Latencies()
    if len(taken) == 1:
        return Latencies(1, taken[0], taken[0])
    cuts = quantiles(taken, n=20, method="inclusive")
    return Latencies(len(taken), round(cuts[9]), round(cuts[18]))
