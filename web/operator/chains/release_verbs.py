"""The verbs of `webot chains` that release: publish, roll back, try with some people, and their history."""

import asyncio
import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.errors import ChainInvalid
from pipeline.text.i18n import Catalogue, in_language
from web.operator.chains.chain_reports import (
    history_rows,
    print_doubts,
    print_rows,
    report_published,
    trial_rows,
)
from web.operator.chains.ratings import count_by_revision
from web.operator.shell import SPOKEN, Shell, pass_shell, spoken

if TYPE_CHECKING:
    from web.operator.chains.workspace import ChainWorkspace

NAME = click.argument("name", metavar="NAME")
_NOTE = click.option("--note", default="", help="Why, for the history.")
_AUTHOR = click.option("--author", default=None, help="Who, for the history; else the user of this shell.")


def open_workspace(shell: Shell) -> "ChainWorkspace":
    """Read the settings and the chains; what is said from now on is in the language of the settings."""
    from web.operator.chains.deployment import read_deployment  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.chains.workspace import ChainWorkspace  # noqa: PLC0415 (the same)
    from web.operator.quiet_settings import load_settings_quietly  # noqa: PLC0415 (the same)

    settings = load_settings_quietly(shell)
    click.get_current_context().meta[SPOKEN] = Catalogue(settings.chat.language)
    return ChainWorkspace(settings, asyncio.run(read_deployment(settings)))


def author_of(said: str | None) -> str:
    """Return who is to stand in the history."""
    try:
        return said or getpass.getuser()
    except (OSError, KeyError):
        # A container may run as a user that has no name.
        return "somebody"


@click.command()
@NAME
@pass_shell
def history(shell: Shell, name: str) -> None:
    """List a chain's releases, newest first, with how many answers of each were judged good and bad."""
    workspace = open_workspace(shell)
    releases = asyncio.run(workspace.history(name))
    rows = history_rows(releases, count_by_revision(workspace), workspace.shipped(name))
    if len(rows) == 1:
        workspace.require(name)
        click.echo(spoken().text("chains.never_released", name=name))
    else:
        print_rows(rows)


@click.command()
@NAME
@click.argument("revision")
@_NOTE
@_AUTHOR
@pass_shell
def rollback(shell: Shell, name: str, revision: str, *, note: str, author: str | None) -> None:
    """Make an earlier revision answer again; the word "shipped" names the one that came with webot."""
    from web.operator.chains.release_words import name_people  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.chains.releasing import roll_back  # noqa: PLC0415 (the same)

    workspace = open_workspace(shell)
    done = asyncio.run(roll_back(workspace, name, revision, author=author_of(author), note=note))
    report_published(name, done.revision, name_people(100, (), spoken()), done.published)


@click.command()
@NAME
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Publish this, not the draft.",
)
@click.option(
    "--share", type=click.IntRange(0, 100), default=None, help="Only to so many of a hundred people at first."
)
@click.option("--user", "users", multiple=True, help="Only to this user at first; may be said more than once.")
@_NOTE
@_AUTHOR
@pass_shell
def publish(
    shell: Shell,
    name: str,
    *,
    file: Path | None,
    share: int | None,
    users: tuple[str, ...],
    note: str,
    author: str | None,
) -> None:
    """Make a draft answer: everybody, or some people first."""
    from chains.catalog.config import parse_chain, read_text  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.chains.deployment import Version  # noqa: PLC0415 (the same)
    from web.operator.chains.release_words import name_people  # noqa: PLC0415 (the same)
    from web.operator.chains.releasing import FinishedRelease, publish_draft, share_of  # noqa: PLC0415 (the same)

    workspace = open_workspace(shell)
    try:
        part = share_of(share, users)
    except ChainInvalid as error:
        raise click.UsageError(in_language(error.problems[0], spoken())) from error
    who = author_of(author)
    if file is None:
        done = asyncio.run(publish_draft(workspace, name, share=share, users=users, author=who, note=note))
    else:
        text = read_text(file)
        version = Version(str(file), text, parse_chain(text, name=name, source=str(file)))
        published = asyncio.run(workspace.publish(name, version, author=who, note=note, share=part, users=users))
        done = FinishedRelease(name, version.chain.revision, part, users, published)
    report_published(name, done.revision, name_people(part, users, spoken()), done.published)


def _open_with_trials(shell: Shell) -> "ChainWorkspace":
    """Read the chains with their trials, which the database alone knows. Raises why it cannot be read."""
    workspace = open_workspace(shell)
    if workspace.deployment.unread is not None:
        raise workspace.deployment.unread
    return workspace


@click.group(invoke_without_command=True)
@click.pass_context
def trials(ctx: click.Context) -> None:
    """List what is tried by some people before everybody gets it."""
    if ctx.invoked_subcommand is not None:
        return
    shell = ctx.find_object(Shell)
    assert shell is not None  # noqa: S101 (the group above made it)
    rows = trial_rows(_open_with_trials(shell))
    if len(rows) == 1:
        click.echo(spoken().text("chains.trial_none"))
    else:
        print_rows(rows)


@trials.command()
@NAME
@_NOTE
@_AUTHOR
@pass_shell
def end(shell: Shell, name: str, *, note: str, author: str | None) -> None:
    """End a trial: everybody gets what is live."""
    from web.operator.chains.release_words import service_line  # noqa: PLC0415 (not for `webot --help`)

    workspace = _open_with_trials(shell)
    trial = workspace.deployment.trials.get(name)
    if trial is None:
        raise click.ClickException(spoken().text("chains.trial_missing", name=name))
    ended = asyncio.run(workspace.end_trial(name, author=author_of(author), note=note))
    service = service_line(len(ended.live), ended.machines, spoken())
    if not ended.took_effect:
        click.secho(spoken().text("chains.trial_goes_on", name=name, service=service), fg="yellow", err=True)
        print_doubts(ended)
        raise click.exceptions.Exit(1)
    kind = "trial_ended" if ended.machines else "trial_ends_soon"
    click.echo(spoken().text(f"chains.{kind}", name=name, revision=trial.draft.revision, service=service))
