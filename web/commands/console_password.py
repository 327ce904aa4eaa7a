"""Make a password for the console, which then asks everyone for it.

Asks for a password of at least 12 characters and prints the lines to put into .secrets.toml.
"""

import click

from web.operator.password_option import password_option
from web.operator.shell import Shell, pass_shell

_LEAST_LETTERS = 12


@click.command(help=__doc__)
@password_option()
@pass_shell
def command(shell: Shell, password: str) -> int:
    """Print the line for .secrets.toml."""
    from web.security.passwords import hash_password  # noqa: PLC0415 (not for `webot --help`)

    if len(password.strip()) < _LEAST_LETTERS:
        raise click.UsageError(shell.say("short_password", least=_LEAST_LETTERS))
    click.echo(f'[console]\npassword_hash = "{hash_password(password)}"')
    return 0
