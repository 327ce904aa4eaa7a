"""Show who exported what and who deleted what, the latest deeds last."""

import asyncio
import json
from typing import TYPE_CHECKING, get_args

import click

from storage.conversations.audit_actions import Action
from web.operator.shell import Shell, pass_shell
from web.operator.table import format_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.conversations.audit import AuditRow

_HEAD = ("when", "who", "did", "conversations", "messages", "what")


@click.command(help=__doc__)
@click.option("--action", type=click.Choice(get_args(Action)), default=None, help="Only deeds of this kind.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Show so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a deed a line.")
@pass_shell
def command(shell: Shell, *, action: Action | None, limit: int, as_json: bool) -> None:
    """Print the deeds."""
    found = asyncio.run(_found(shell.settings().storage.database_url.get_secret_value(), action, limit))
    if as_json:
        for deed in found:
            click.echo(_json(deed))
    elif found:
        for line in format_columns([[shell.say(f"audit_{name}") for name in _HEAD], *map(_cells, found)]):
            click.echo(line)
    else:
        click.echo(shell.say("audit_none"), err=True)


def _cells(deed: "AuditRow") -> tuple[str, ...]:
    from web.operator.reports.audit_details import described  # noqa: PLC0415 (not for `webot --help`)

    when = deed.at.astimezone().strftime("%Y-%m-%d %H:%M")
    return (when, deed.who, deed.action, str(deed.conversations), str(deed.messages), described(deed))


def _json(deed: "AuditRow") -> str:
    return json.dumps(
        {
            "at": deed.at.isoformat(),
            "who": deed.who,
            "action": deed.action,
            "conversations": deed.conversations,
            "messages": deed.messages,
            "details": deed.details,
        },
        ensure_ascii=False,
    )


async def _found(url: str, action: Action | None, limit: int) -> "Sequence[AuditRow]":
    from storage.conversations.audit import deeds  # noqa: PLC0415 (not for `webot --help`)
    from storage.database.access import NoDatabase, open_for_cli  # noqa: PLC0415 (the same)

    try:
        async with open_for_cli(url) as database:
            return (await deeds(database, action=action, limit=limit))[::-1]
    except NoDatabase:
        return ()
