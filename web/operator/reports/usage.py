"""What answers took, as the shell, the console and the API show it: sums in one form, and as CSV."""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from exports.writers.csv import harmless, writer
from pipeline.text.i18n import Catalogue
from storage.database.engine import Database
from storage.usage.daily_report import ServiceQuality, quality_of
from storage.usage.report import By, UsageRow

MILLIONTHS = Decimal(1_000_000)


def total_of(rows: Iterable[UsageRow], name: str) -> UsageRow:
    """Add rows up."""
    found = tuple(rows)
    return UsageRow(
        name,
        sum(each.answers for each in found),
        sum(each.input_tokens for each in found),
        sum(each.output_tokens for each in found),
        sum(each.cost for each in found),
        sum(each.estimated for each in found),
        sum(each.good for each in found),
        sum(each.bad for each in found),
    )


def is_estimated(rows: Iterable[UsageRow]) -> bool:
    """Whether any of the tokens are estimated, because a provider did not count them."""
    return any(each.estimated for each in rows)


def is_rated(rows: Iterable[UsageRow]) -> bool:
    """Whether any of the answers were called good or bad."""
    return any(each.good or each.bad for each in rows)


def heading(by: By, rows: Sequence[UsageRow], currency: str, words: Catalogue) -> tuple[str, ...]:
    """Return the names of the columns; those of estimates and ratings only where there are any."""
    more = [*(["estimated"] if is_estimated(rows) else []), *(["good", "bad"] if is_rated(rows) else [])]
    names = (by, "answers", "in", "out", "cost", *more)
    return tuple(words.text(f"shell.usage_{each}", currency=currency) for each in names)


def cells(row: UsageRow, count: str, amount: str, *, estimated: bool, rated: bool) -> tuple[str, ...]:
    """Return a row's cells, its counts and its cost written in the forms given."""
    counts = (row.answers, row.input_tokens, row.output_tokens)
    written = (row.of, *map(count.format, counts), amount.format(Decimal(row.cost) / MILLIONTHS))
    more = (*([row.estimated] if estimated else []), *([row.good, row.bad] if rated else []))
    return (*written, *map(count.format, more))


def usage_csv(by: By, rows: Sequence[UsageRow], currency: str) -> str:
    """Return the sums for a spreadsheet, which takes no cell for a formula."""
    into = io.StringIO()
    lines = writer(into, lineterminator="\n")
    # A program that reads it looks for the same names everywhere.
    lines.writerow(heading(by, rows, currency, Catalogue("en")))
    estimated, rated = is_estimated(rows), is_rated(rows)
    for each in rows:
        first, *others = cells(each, "{}", "{:.6f}", estimated=estimated, rated=rated)
        lines.writerow((harmless(first), *others))
    return into.getvalue()


async def quality_report(
    database: Database, by: By, *, since: date, until: date | None = None
) -> Mapping[str, ServiceQuality]:
    """Return how fast answers were and what failed, by day, chain, model or channel; by channel in place of person."""
    if by == "day":
        return await quality_of(database, "day", since=since, until=until, by_day=True)
    return await quality_of(database, "channel" if by == "person" else by, since=since, until=until)


def quality_csv(by: By, found: Mapping[str, ServiceQuality]) -> str:
    """Return how fast answers were and what failed, for a spreadsheet."""
    into = io.StringIO()
    lines = writer(into, lineterminator="\n")
    first = "channel" if by == "person" else by
    lines.writerow((first, "answers", "median ms", "95 % ms", "failed", "not delivered", "duplicates"))
    for of, each in sorted(found.items()):
        counts = (each.answers, each.median, each.p95, each.failed, each.undelivered, each.duplicates)
        lines.writerow((harmless(of), *counts))
    return into.getvalue()
