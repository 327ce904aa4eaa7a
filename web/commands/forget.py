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
        raise click.ClickException(shell.say("forget_nobody", user=user))
    click.echo(shell.say("forget_all", persons=", ".join(map(str, persons))), err=True)
    if not yes:
        click.confirm(shell.say("forget_sure"), abort=True, err=True)
    erased, clean = forget_persons(settings, persons)
    click.echo(shell.say("forget_done", conversations=erased.conversations, messages=erased.messages), err=True)
    if not clean:
        click.echo(shell.say("forget_wal"), err=True)
        click.echo(shell.say("forget_again"), err=True)
        return 1
    return 0
