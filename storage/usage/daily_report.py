"""How long answers took, what failed and what came twice, out of the sums of each day."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from storage.database.engine import Database
from storage.database.reading import read_count, read_or_none, read_text
from storage.database.tables import daily_counts
from storage.usage.batch import date_of, number_of
from storage.usage.daily_counts import FIRST_MILLISECONDS, GROWTH, Kind


@dataclass(frozen=True, slots=True)
class ServiceQuality:
    """Milliseconds that half of the answers took at most and 95 of 100, and how often what went wrong."""

    answers: int = 0
    median: int = 0
    p95: int = 0
    failed: int = 0
    undelivered: int = 0
    duplicates: int = 0


async def quality_of(
    database: Database, kind: Kind, *, since: date, until: date | None = None, by_day: bool = False
) -> Mapping[str, ServiceQuality]:
    """Return the quality for each subject of a kind, or for each day in the kind `day`, from one day to another."""
    key = daily_counts.c.day if by_day else daily_counts.c.subject
    wanted = (
        select(
            key.label("of"), daily_counts.c.measure, daily_counts.c.bucket, func.sum(daily_counts.c.count).label("sum")
        )
        .where(daily_counts.c.day >= number_of(since), daily_counts.c.kind == kind)
        .group_by(key, daily_counts.c.measure, daily_counts.c.bucket)
    )
    if until is not None:
        wanted = wanted.where(daily_counts.c.day <= number_of(until))
    async with database.read() as connection:
        rows = (await connection.execute(wanted)).all()
    times: dict[str, Counter[int]] = defaultdict(Counter)
    others: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        of = _day(row.of) if by_day else read_text(row.of)
        if row.measure == "answered":
            times[of][read_count(row.bucket)] += read_count(row.sum)
        else:
            others[of][row.measure] += read_count(row.sum)
    return {of: _quality(times[of], others[of]) for of in {*times, *others}}


def _quality(times: Counter[int], others: Counter[str]) -> ServiceQuality:
    return ServiceQuality(
        answers=times.total(),
        median=_percentile(times, 0.5),
        p95=_percentile(times, 0.95),
        failed=others["failed"],
        undelivered=others["undelivered"],
        duplicates=others["duplicate"],
    )


def _percentile(times: Counter[int], share: float) -> int:
    """Return the milliseconds in which a share of the answers was there, in the middle of their step."""
    seen = 0
    for bucket, count in sorted(times.items()):
        seen += count
        if seen >= share * times.total():
            return round(FIRST_MILLISECONDS * GROWTH ** (bucket - 0.5)) if bucket else round(FIRST_MILLISECONDS)
    return 0


def _day(number: object) -> str:
    day = read_or_none(date_of, number)
    return "?" if day is None else day.isoformat()
