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
    before = migrated.before or "none"
    if before == migrated.after:
        click.echo(f"schema {migrated.after}: nothing to do")
    else:
        click.echo(f"schema {before} -> {migrated.after}")
