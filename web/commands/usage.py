"""Add up the answers, tokens and costs of people, chains, models or days."""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from web.operator.shell import Shell, pass_shell
from web.operator.table import format_columns

if TYPE_CHECKING:
    from storage.usage.report import By, UsageRow

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command(help=__doc__)
@click.option("--by", type=click.Choice(["person", "chain", "model", "day"]), default="model", show_default=True)
@click.option("--since", type=_DAY, default=None, help="From this day on.")
@click.option("--until", type=_DAY, default=None, help="To this day, with it.")
@click.option(
    "--csv",
    "to",
    is_flag=False,
    flag_value="-",
    default=None,
    metavar="[FILE]",
    help="Write CSV, for a spreadsheet: to a file, or with - or nothing to the screen.",
)
@pass_shell
def command(shell: Shell, *, by: "By", since: datetime | None, until: datetime | None, to: str | None) -> None:
    """Print the sums."""
    settings = shell.settings()
    found = asyncio.run(_found(settings.storage.database_url.get_secret_value(), by, _date(since), _date(until)))
    head: tuple[str, ...] = (by, "answers", "tokens in", "tokens out", f"cost ({settings.budgets.currency})")
    if is_estimated(found):
        head = (*head, "tokens estimated")
    if to is None:
        _print_table(head, found)
    elif to == "-":
        _write(head, found, sys.stdout)
    else:
        # With a mark that has spreadsheets read Chinese as what it is.
        try:
            with Path(to).open("w", encoding="utf-8-sig", newline="") as file:
                _write(head, found, file)
        except OSError as error:
            raise click.ClickException(f"{to!r} cannot be written: {error.strerror or error}") from error
        click.echo(f"{len(found)} rows in {to}", err=True)


def _print_table(head: Sequence[str], found: "Sequence[UsageRow]") -> None:
    rows = [*found, _total(found)] if len(found) > 1 else found
    estimated = is_estimated(found)
    cells = (_cells(each, "{:,}", "{:,.4f}", estimated=estimated) for each in rows)
    for line in format_columns([head, *cells], numbers_from=1):
        click.echo(line)


def _total(found: "Sequence[UsageRow]") -> "UsageRow":
    from storage.usage.report import UsageRow  # noqa: PLC0415 (not for `webot --help`)

    return UsageRow(
        "in all",
        sum(each.answers for each in found),
        sum(each.input_tokens for each in found),
        sum(each.output_tokens for each in found),
        sum(each.cost for each in found),
        sum(each.estimated for each in found),
    )


def _write(head: Sequence[str], found: "Sequence[UsageRow]", to: TextIO) -> None:
    from exports.writers.csv import harmless, writer  # noqa: PLC0415 (not for `webot --help`)

    rows = writer(to, lineterminator="\n")
    rows.writerow(head)
    estimated = is_estimated(found)
    for each in found:
        first, *others = _cells(each, "{}", "{:.6f}", estimated=estimated)
        rows.writerow((harmless(first), *others))


def is_estimated(found: "Iterable[UsageRow]") -> bool:
    """Whether any of the tokens are estimated, because a provider did not count them."""
    return any(each.estimated for each in found)


def _cells(each: "UsageRow", count: str, amount: str, *, estimated: bool) -> tuple[str, ...]:
    counts = (each.answers, each.input_tokens, each.output_tokens)
    cost = amount.format(Decimal(each.cost) / 1_000_000)
    cells = (each.of, *map(count.format, counts), cost)
    return (*cells, count.format(each.estimated)) if estimated else cells


def _date(at: datetime | None) -> date | None:
    return at.date() if at is not None else None


async def _found(url: str, by: "By", since: date | None, until: date | None) -> "Sequence[UsageRow]":
    from storage.database.access import NoDatabase, open_for_cli  # noqa: PLC0415 (the same)
    from storage.usage.report import usage_report  # noqa: PLC0415 (not for `webot --help`)

    try:
        async with open_for_cli(url) as database:
            return await usage_report(database, by, since=since, until=until)
    except NoDatabase:
        return ()
