"""Add, list and remove the users of the console, and set their passwords.

Roles: operator may do everything, prompt_engineer works on chains, reader sees usage and turns without words.
"""

import asyncio

import click

from web.operator.shell import Shell, pass_shell
from web.operator.table import format_columns

_ROLES = ("operator", "prompt_engineer", "reader")


@click.group(help=__doc__)
def command() -> None:
    """Do nothing by itself."""


@command.group()
def user() -> None:
    """Users of the console: name, password, role."""


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), default="operator", show_default=True, help="What they may do.")
@click.password_option("--password", help="Else it is asked for, which keeps it out of the shell's history.")
@pass_shell
def add(shell: Shell, *, name: str, role: str, password: str) -> None:
    """Add a user; from then on the console asks everyone to sign in."""
    from storage.conversations.audit import operator  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.accounts import add_account_of  # noqa: PLC0415 (the same)
    from web.security.roles import Role  # noqa: PLC0415 (the same)

    asyncio.run(add_account_of(shell.settings(), name, Role(role), password, by=operator()))
    click.echo(f"{name} can sign in as {role} at once")


@user.command("list")
@pass_shell
def list_all(shell: Shell) -> None:
    """List the users with their roles."""
    from web.operator.accounts import users_of  # noqa: PLC0415 (not for `webot --help`)

    found = asyncio.run(users_of(shell.settings()))
    if not found:
        click.echo("there is no user yet; `webot console user add NAME` adds one", err=True)
        return
    rows = [(one.name, one.role, one.created_at.astimezone().strftime("%Y-%m-%d %H:%M")) for one in found]
    for line in format_columns([("name", "role", "added"), *rows]):
        click.echo(line)


@user.command()
@click.argument("name")
@pass_shell
def remove(shell: Shell, name: str) -> None:
    """Remove a user; whoever is signed in under the name is signed out."""
    from storage.conversations.audit import operator  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.accounts import remove_account_of  # noqa: PLC0415 (the same)

    asyncio.run(remove_account_of(shell.settings(), name, by=operator()))
    click.echo(f"{name} cannot sign in any more")


@user.command("password")
@click.argument("name")
@click.password_option("--password", help="Else it is asked for, which keeps it out of the shell's history.")
@pass_shell
def change(shell: Shell, *, name: str, password: str) -> None:
    """Set a user's password; whoever is signed in under the name is signed out."""
    from storage.conversations.audit import operator  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.accounts import set_password_of  # noqa: PLC0415 (the same)

    asyncio.run(set_password_of(shell.settings(), name, password, by=operator()))
    click.echo(f"{name} signs in with the new password from now on")
