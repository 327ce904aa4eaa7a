"""Add, list and remove the users of the console, and set their passwords.

Roles: operator may do everything, prompt_engineer works on chains, reader sees usage and turns without words.
"""

import click

from web.operator.password_option import password_option
from web.operator.shell import Shell, pass_shell
from web.operator.table import format_columns
from web.security.role_names import Role

_ROLES = [str(role) for role in Role]


@click.group(help=__doc__)
def command() -> None:
    """Do nothing by itself."""


@command.group()
def user() -> None:
    """Users of the console: name, password, role."""


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), default="operator", show_default=True, help="What they may do.")
@password_option()
@pass_shell
def add(shell: Shell, *, name: str, role: str, password: str) -> None:
    """Add a user; from then on the console asks everyone to sign in."""
    from storage.conversations.audit import operator  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.accounts import add_account, run_on_accounts  # noqa: PLC0415 (the same)

    who = operator()
    run_on_accounts(shell.settings(), lambda database: add_account(database, name, Role(role), password, by=who))
    click.echo(shell.say("user_added", name=name, role=role))


@user.command("list")
@pass_shell
def list_all(shell: Shell) -> None:
    """List the users with their roles."""
    from storage.accounts.users import list_users  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.accounts import run_on_accounts  # noqa: PLC0415 (the same)

    found = run_on_accounts(shell.settings(), list_users)
    if not found:
        click.echo(shell.say("user_none"), err=True)
        return
    rows = [(one.name, one.role, one.created_at.astimezone().strftime("%Y-%m-%d %H:%M")) for one in found]
    for line in format_columns([[shell.say(f"head_{head}") for head in ("name", "role", "added")], *rows]):
        click.echo(line)


@user.command()
@click.argument("name")
@pass_shell
def remove(shell: Shell, name: str) -> None:
    """Remove a user; whoever is signed in under the name is signed out, and the tokens they made are revoked."""
    from storage.conversations.audit import operator  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.accounts import remove_account, run_on_accounts  # noqa: PLC0415 (the same)

    who = operator()
    revoked = run_on_accounts(shell.settings(), lambda database: remove_account(database, name, by=who))
    click.echo(shell.say("user_removed", name=name))
    if revoked:
        click.echo(shell.say("tokens_gone_too", names=", ".join(revoked)))


@user.command("password")
@click.argument("name")
@password_option()
@pass_shell
def change(shell: Shell, *, name: str, password: str) -> None:
    """Set a user's password; whoever is signed in under the name is signed out."""
    from storage.conversations.audit import operator  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.accounts import run_on_accounts, set_password  # noqa: PLC0415 (the same)

    who = operator()
    run_on_accounts(shell.settings(), lambda database: set_password(database, name, password, by=who))
    click.echo(shell.say("user_password", name=name))


@user.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(_ROLES))
@pass_shell
def change_role(shell: Shell, *, name: str, role: str) -> None:
    """Set a user's role; who is signed in under the name is signed out, and tokens that may do more are revoked."""
    from storage.conversations.audit import operator  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.accounts import run_on_accounts, set_role  # noqa: PLC0415 (the same)

    who = operator()
    revoked = run_on_accounts(shell.settings(), lambda database: set_role(database, name, Role(role), by=who))
    click.echo(shell.say("user_role", name=name, role=role))
    if revoked:
        click.echo(shell.say("tokens_gone_too", names=", ".join(revoked)))


@user.command("sign-out")
@click.argument("name")
@pass_shell
def sign_out(shell: Shell, name: str) -> None:
    """End every session of a user, who has to sign in again."""
    from storage.conversations.audit import operator  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.accounts import run_on_accounts, sign_out_everywhere  # noqa: PLC0415 (the same)

    who = operator()
    ended = run_on_accounts(shell.settings(), lambda database: sign_out_everywhere(database, name, by=who))
    click.echo(shell.say("user_signed_out", name=name, count=ended))
