"""How often people called answers good and bad, by the day of the answer, chain, model, person or channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from sqlalchemy import case, func, select

from storage.database.engine import Database
from storage.database.reading import read_count, read_or_none, read_text
from storage.database.tables import messages, ratings
from storage.usage.batch import date_of, day_of

RatingsBy = Literal["person", "chain", "model", "day", "channel"]


@dataclass(frozen=True, slots=True)
class RatingSums:
    """How often answers were called good, and how often bad."""

    good: int = 0
    bad: int = 0


async def rating_sums(
    database: Database, by: RatingsBy, *, since: date | None = None, until: date | None = None
) -> Mapping[str, RatingSums]:
    """Add up the ratings of what was answered from one day to another, both included, by this machine's clock.

    A person's are those they gave. Those of messages that are deleted are gone with them.
    """
    keys = {
        "person": ratings.c.person,
        "channel": ratings.c.person,
        "chain": messages.c.chain,
        "model": messages.c.model,
    }
    key = keys.get(by, messages.c.created_at)
    wanted = select(
        key.label("of"),
        func.sum(case((ratings.c.rating > 0, 1), else_=0)).label("good"),
        func.sum(case((ratings.c.rating < 0, 1), else_=0)).label("bad"),
    ).select_from(ratings.join(messages, messages.c.id == ratings.c.message_id))
    if since is not None:
        wanted = wanted.where(messages.c.created_at >= _begin_of(since))
    if until is not None:
        wanted = wanted.where(messages.c.created_at < _begin_of(until + timedelta(days=1)))
    async with database.read() as connection:
        rows = (await connection.execute(wanted.group_by(key))).all()
    sums: dict[str, RatingSums] = {}
    for row in rows:
        of = _named(by, row.of)
        before = sums.get(of, RatingSums())
        sums[of] = RatingSums(before.good + read_count(row.good), before.bad + read_count(row.bad))
    return sums


def _named(by: RatingsBy, key: object) -> str:
    if by == "day":
        day = read_or_none(lambda at: date_of(day_of(float(at))), key)
        return "?" if day is None else day.isoformat()
    name = read_text(key)
    return name.partition("/")[0] if by == "channel" else name


def _begin_of(day: date) -> float:
    """Return when a day begins by this machine's clock, in seconds since 1970."""
    return datetime.combine(day, time()).astimezone().timestamp()
