"""Add up the answers and tokens of people, chains, models or days."""

import asyncio
import csv
import sys
from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import TYPE_CHECKING

import click

from web.commands import Shell, pass_shell

if TYPE_CHECKING:
    from storage.usage import By, Usage


@click.command(help=__doc__)
@click.option("--by", type=click.Choice(["person", "chain", "model", "day"]), default="model", show_default=True)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), default=None, help="From this day on.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for a spreadsheet.")
@pass_shell
def command(shell: Shell, *, by: "By", since: datetime | None, as_csv: bool) -> None:
    """Print the sums."""
    url = shell.settings().storage.database_url.get_secret_value()
    found = asyncio.run(_found(url, by, since.astimezone() if since is not None else None))
    rows = [(by, "answers", "tokens in", "tokens out"), *(tuple(map(str, astuple(each))) for each in found)]
    if as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
        return
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for first, *counts in rows:
        cells = (count.rjust(width) for count, width in zip(counts, widths[1:], strict=True))
        click.echo("  ".join((first.ljust(widths[0]), *cells)))


async def _found(url: str, by: "By", since: datetime | None) -> "Sequence[Usage]":
    from storage.usage import usage  # noqa: PLC0415 (not for `webot --help`)
    from storage.visits import NoDatabase, visiting  # noqa: PLC0415 (the same)

    try:
        async with visiting(url) as database:
            return await usage(database, by, since=since)
    except NoDatabase:
        return ()
