"""Add up the answers, tokens and costs of people, chains, models or days."""

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.text.i18n import in_language, os_reason
from web.operator.shell import Shell, pass_shell, spoken
from web.operator.table import format_columns

if TYPE_CHECKING:
    from storage.usage.report import By, UsageRow


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(spoken().text("shell.usage_no_day", found=text)) from None


@click.command(help=__doc__)
@click.option(
    "--by", type=click.Choice(["person", "chain", "model", "day", "channel"]), default="model", show_default=True
)
@click.option("--since", type=_day, metavar="YYYY-MM-DD", default=None, help="From this day on.")
@click.option("--until", type=_day, metavar="YYYY-MM-DD", default=None, help="To this day, with it.")
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
def command(shell: Shell, *, by: "By", since: date | None, until: date | None, to: str | None) -> None:
    """Print the sums."""
    settings = shell.settings()
    if since and until and since > until:
        raise click.BadParameter(shell.say("days_backwards"), param_hint="--until")
    found = asyncio.run(_found(settings.storage.database_url.get_secret_value(), by, since, until))
    from chains.models.prices import currency_name  # noqa: PLC0415 (not for `webot --help`)
    from pipeline.text.i18n import Catalogue  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.reports import usage  # noqa: PLC0415 (not for `webot --help`)

    currency = settings.budgets.currency
    if to is None:
        rows = [*found, usage.total_of(found, shell.say("usage_total"))] if len(found) > 1 else found
        estimated, rated = usage.is_estimated(found), usage.is_rated(found)
        lines = (usage.cells(each, "{:,}", "{:,.4f}", estimated=estimated, rated=rated) for each in rows)
        words = Catalogue(shell.language)
        head = usage.heading(by, found, currency_name(currency, words), words)
        for line in format_columns([head, *lines], numbers_from=1):
            click.echo(line)
    elif to == "-":
        click.echo(usage.usage_csv(by, found, currency), nl=False)
    else:
        # With a mark that has spreadsheets read Chinese as what it is.
        try:
            with Path(to).open("w", encoding="utf-8-sig", newline="") as file:
                file.write(usage.usage_csv(by, found, currency))
        except OSError as error:
            raise click.ClickException(
                shell.say("not_written", file=to, reason=in_language(os_reason(error), spoken()))
            ) from error
        click.echo(shell.say("usage_rows", count=len(found), file=to), err=True)


async def _found(url: str, by: "By", since: date | None, until: date | None) -> "Sequence[UsageRow]":
    from storage.database.access import NoDatabase, open_for_cli  # noqa: PLC0415 (the same)
    from storage.usage.report import usage_report  # noqa: PLC0415 (not for `webot --help`)

    try:
        async with open_for_cli(url) as database:
            return await usage_report(database, by, since=since, until=until)
    except NoDatabase:
        return ()
