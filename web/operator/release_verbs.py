"""The verbs of `webot chains` that release: publish, roll back, try with some people, and their history."""

import asyncio
import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.text.i18n import Catalogue
from web.operator.chain_reports import (
    CATALOGUE,
    history_rows,
    name_people,
    print_doubts,
    print_rows,
    report_published,
    service_line,
    spoken,
    trial_rows,
)
from web.operator.ratings import count_by_revision
from web.operator.shell import Shell, pass_shell

if TYPE_CHECKING:
    from web.operator.chains import ChainWorkspace
    from web.operator.publishing import Published

NAME = click.argument("name", metavar="NAME")
_NOTE = click.option("--note", default="", help="Why, for the history.")
_AUTHOR = click.option("--author", default=None, help="Who, for the history; else the user of this shell.")


def open_desk(shell: Shell) -> "ChainWorkspace":
    """Read the settings and the chains; what is said from now on is in the language of the settings."""
    from web.operator.chains import ChainWorkspace, read_deployment  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.quiet_settings import load_settings_quietly  # noqa: PLC0415 (the same)

    settings = load_settings_quietly(shell)
    click.get_current_context().meta[CATALOGUE] = Catalogue(settings.chat.language)
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
    desk = open_desk(shell)
    counts = count_by_revision(desk)
    rows = history_rows(asyncio.run(desk.history(name)), counts)
    if len(rows) == 1:
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
    desk = open_desk(shell)

    async def run() -> tuple[str, "Published"]:
        version = await desk.revision(name, revision)
        said = note or f"rollback to {'shipped' if version.shipped else version.label}"
        return version.label, await desk.publish(name, version, author=author_of(author), note=said)

    label, published = asyncio.run(run())
    report_published(name, label, name_people(100, ()), published)


@click.command()
@NAME
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Publish this, not the draft."
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
    from web.operator.chains import Version  # noqa: PLC0415 (the same)

    desk = open_desk(shell)
    if any(not user.strip() for user in users):
        raise click.UsageError(spoken().text("chains.user_empty"))
    if share == 0 and not users:
        raise click.UsageError(spoken().text("chains.share_zero"))
    if file is not None:
        text = read_text(file)
        version = Version(str(file), text, parse_chain(text, name=name, source=str(file)))
    else:
        version = desk.draft(name)
    part = share if share is not None else 0 if users else 100
    said = asyncio.run(desk.publish(name, version, author=author_of(author), note=note, share=part, users=users))
    whole = part == 100  # noqa: PLR2004 (everybody)
    if whole and file is None and said.took_effect:
        desk.draft_file(name).unlink(missing_ok=True)
    report_published(name, version.chain.revision, name_people(part, users), said)


@click.group(invoke_without_command=True)
@click.pass_context
def trials(ctx: click.Context) -> None:
    """List what is tried by some people before everybody gets it."""
    if ctx.invoked_subcommand is not None:
        return
    shell = ctx.find_object(Shell)
    assert shell is not None  # noqa: S101 (the group above made it)
    rows = trial_rows(open_desk(shell))
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
    desk = open_desk(shell)
    trial = desk.deployment.trials.get(name)
    if trial is None:
        raise click.ClickException(spoken().text("chains.trial_missing", name=name))
    ended = asyncio.run(desk.end_trial(name, author=author_of(author), note=note))
    service = service_line(len(ended.live), ended.machines)
    if not ended.took_effect:
        click.secho(spoken().text("chains.trial_goes_on", name=name, service=service), fg="yellow", err=True)
        print_doubts(ended)
        raise click.exceptions.Exit(1)
    kind = "trial_ended" if ended.machines else "trial_ends_soon"
    click.echo(spoken().text(f"chains.{kind}", name=name, revision=trial.draft.revision, service=service))
