"""Bring the database up to the schema this version expects.

The service does so by itself when it starts; this is for doing it at a time of your choosing. A SQLite file must not
be in use by a running service.
"""

import asyncio

import click

from web.operator.shell import Shell, pass_shell


@click.command(help=__doc__)
@pass_shell
def command(shell: Shell) -> None:
    """Take every missing step and say which schema there was and is."""
    from storage.database.access import ensure_schema  # noqa: PLC0415 (not for `webot --help`)

    migrated = asyncio.run(ensure_schema(shell.settings().storage.database_url.get_secret_value()))
    before = migrated.before or shell.say("schema_none")
    if before == migrated.after:
        click.echo(shell.say("schema_same", after=migrated.after))
    else:
        click.echo(shell.say("schema_changed", before=before, after=migrated.after))
