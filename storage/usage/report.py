"""What answers took and cost, added up; read from the sums that stay true when what was said is gone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from sqlalchemy import func, select

from storage.database.engine import Database
from storage.database.reading import read_count, read_or_none, read_text
from storage.database.tables import spending
from storage.usage.batch import date_of, number_of
from storage.usage.pseudonyms import PREFIX
from storage.usage.rating_sums import RatingSums, rating_sums

By = Literal["person", "chain", "model", "day", "channel"]

FORGOTTEN = "(forgotten)"
"""Stands for people who wanted everything deleted: what was paid for them stays paid."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What one person, chain, model, day or channel comes to; a day is this machine's; `cost` in millionths."""

    of: str
    answers: int
    input_tokens: int
    output_tokens: int
    cost: int
    estimated: int = 0
    """How many of the tokens are estimated, because the provider did not count them."""
    good: int = 0
    bad: int = 0
    """How many of the answers people called good and bad, as far as the messages are still there."""


async def usage_report(
    database: Database, by: By, *, since: date | None = None, until: date | None = None
) -> Sequence[UsageRow]:
    """Add up from one day to another, both included, the dearest first; days in their order."""
    # A person is named by the channel first.
    key = spending.c["person" if by == "channel" else by]
    wanted = select(
        key.label("of"),
        func.sum(spending.c.answers).label("answers"),
        func.sum(spending.c.input_tokens).label("input_tokens"),
        func.sum(spending.c.output_tokens).label("output_tokens"),
        func.sum(spending.c.cost).label("cost"),
        func.sum(spending.c.estimated).label("estimated"),
    ).group_by(key)
    if since is not None:
        wanted = wanted.where(spending.c.day >= number_of(since))
    if until is not None:
        wanted = wanted.where(spending.c.day <= number_of(until))
    async with database.read() as connection:
        rows = (await connection.execute(wanted)).all()
    sums: dict[str, list[int]] = {}
    for row in rows:
        # Those who were forgotten are one line, whatever they are kept under.
        counted = sums.setdefault(_usage_row(by, row.of), [0, 0, 0, 0, 0])
        for place, more in enumerate((row.answers, row.input_tokens, row.output_tokens, row.cost, row.estimated)):
            counted[place] += read_count(more)
    ratings = await rating_sums(database, by, since=since, until=until)
    for of in ratings:
        sums.setdefault(of, [0, 0, 0, 0, 0])
    rated = {of: ratings.get(of, RatingSums()) for of in sums}
    found = [replace(UsageRow(of, *counted), good=rated[of].good, bad=rated[of].bad) for of, counted in sums.items()]
    if by == "day":
        return sorted(found, key=lambda each: each.of)
    return sorted(found, key=lambda each: (-each.cost, -each.input_tokens - each.output_tokens, -each.answers, each.of))


def _usage_row(by: By, key: str | int) -> str:
    if by == "day":
        day = read_or_none(date_of, key)
        return "?" if day is None else day.isoformat()
    name = read_text(key)
    if by in {"person", "channel"} and (not name or name.startswith(PREFIX)):
        return FORGOTTEN
    return name.partition("/")[0] if by == "channel" else name
