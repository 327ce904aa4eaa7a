"""Make a password for the console, for use from other machines.

Asks for one and prints what [console] password_hash wants; put it into .secrets.toml.
"""

import click


@click.command(help=__doc__)
@click.password_option("--password", help="Else it is asked for, which keeps it out of the shell's history.")
def command(password: str) -> int:
    """Print the line for .secrets.toml."""
    from web.console.passwords import hash_password  # noqa: PLC0415 (not for `webot --help`)

    if not password.strip():
        raise click.UsageError("an empty password is none")
    click.echo(f'[console]\npassword_hash = "{hash_password(password)}"')
    return 0
