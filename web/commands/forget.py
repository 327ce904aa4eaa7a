"""Delete what a person said and was told, with their pictures and exported files.

Of every channel they have written on, or of one. It is asked again before, and leaves a line in the audit.
"""

import click

from web.operator.shell import Shell, pass_shell


@click.command(help=__doc__)
@click.argument("user", metavar="USER")
@click.option("--channel", default="", metavar="NAME", help="On this channel only.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_shell
def command(shell: Shell, *, user: str, channel: str, yes: bool) -> int:
    """Ask, delete, and say how much it was."""
    from web.operator.erasure import forget_persons, persons_of  # noqa: PLC0415 (not for `webot --help`)

    settings = shell.settings()
    persons = persons_of(settings, user, channel)
    if not persons:
        raise click.ClickException(f"nobody called {user!r} has written here")
    click.echo(f"Everything of {', '.join(map(str, persons))} will be deleted for good.", err=True)
    if not yes:
        click.confirm("Delete it?", abort=True, err=True)
    erased, clean = forget_persons(settings, persons)
    click.echo(f"{erased.conversations} conversations, {erased.messages} messages deleted", err=True)
    if not clean:
        click.echo("Another process reads the database: its -wal file may still hold deleted text.", err=True)
        click.echo("Run the same command again when that process has finished, or restart the service.", err=True)
        return 1
    return 0
