"""Make, list and revoke the tokens by which programs use the API."""

import click

from web.operator.shell import Shell, pass_shell
from web.operator.table import format_columns
from web.security.role_names import Role

_ROLES = [str(role) for role in Role]


@click.group(help=__doc__)
def command() -> None:
    """Do nothing by itself."""


@command.command()
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), required=True, help="What the program may do.")
@click.option("--days", type=click.IntRange(1, 3650), default=90, show_default=True, help="How long it is valid.")
@pass_shell
def create(shell: Shell, *, name: str, role: str, days: int) -> None:
    """Make a token and print it, this once; a request carries it as `Authorization: Bearer …`."""
    from storage.conversations.audit import operator  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.accounts import make_token, run_on_accounts  # noqa: PLC0415 (the same)

    who = operator()
    click.echo(
        run_on_accounts(shell.settings(), lambda database: make_token(database, name, Role(role), days=days, by=who))
    )
    click.echo(shell.say("token_made", days=days, role=role), err=True)


@command.command("list")
@pass_shell
def list_all(shell: Shell) -> None:
    """List the tokens: their names, roles and ends, never the tokens themselves."""
    from storage.accounts.tokens import list_tokens  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.accounts import run_on_accounts  # noqa: PLC0415 (the same)

    found = run_on_accounts(shell.settings(), list_tokens)
    if not found:
        click.echo(shell.say("token_none"), err=True)
        return
    rows = []
    for one in found:
        until = one.expires_at.astimezone().strftime("%Y-%m-%d %H:%M")
        rows.append(
            (one.name, one.role, one.created_by, shell.say("token_expired", until=until) if one.is_expired else until)
        )
    for line in format_columns([[shell.say(f"head_{head}") for head in ("name", "role", "made_by", "until")], *rows]):
        click.echo(line)


@command.command()
@click.argument("name")
@pass_shell
def revoke(shell: Shell, name: str) -> None:
    """Revoke a token and those made with it; programs that use them are refused from now on."""
    from storage.conversations.audit import operator  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.accounts import drop_token, run_on_accounts  # noqa: PLC0415 (the same)

    who = operator()
    revoked = run_on_accounts(shell.settings(), lambda database: drop_token(database, name, by=who))
    click.echo(shell.say("token_gone", name=name))
    if revoked:
        click.echo(shell.say("tokens_gone_too", names=", ".join(revoked)))
