"""The option `--password` of verbs: asked for without echo on a terminal, and read from a pipe as a line."""

import sys
from collections.abc import Callable
from typing import TypeVar

import click

from web.operator.shell import Shell

_MOST_READ = 10_000
_HELP = "Else it is asked for, or read as a line where the input is no terminal, which keeps it out of the history."

Verb = TypeVar("Verb", bound=Callable[..., object])


def password_option() -> Callable[[Verb], Verb]:
    """Return the decorator that gives a verb a password."""
    return click.option("--password", callback=_password, help=_HELP)


def _password(context: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    """Return the password that was given, typed or piped."""
    del parameter
    if given is not None or context.resilient_parsing:
        return given
    if sys.stdin is not None and sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    # `getpass` would ask the terminal of the session, wherever the input comes from: where nobody sits, for ever.
    piped = "" if sys.stdin is None else sys.stdin.readline(_MOST_READ).rstrip("\r\n")
    if not piped:
        shell = context.find_object(Shell)
        assert shell is not None  # noqa: S101 -- every verb has one
        raise click.UsageError(shell.say("password_not_given"))
    return piped
