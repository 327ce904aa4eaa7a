"""What `webot chains` prints of chains, releases and trials, in the language of the settings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from pipeline.text.i18n import in_language
from pipeline.text.stored_sentences import stored_in_language
from web.operator.chains.ratings import THUMBS, rating_cells
from web.operator.shell import spoken
from web.operator.table import format_columns

if TYPE_CHECKING:
    from pipeline.revisions import ChainRelease
    from storage.conversations.ratings import RatingCount
    from web.operator.chains.deployment import Version
    from web.operator.chains.publishing import Published
    from web.operator.chains.workspace import ChainWorkspace

Counts = Mapping[tuple[str, str], "RatingCount"]


def heads(*names: str) -> list[str]:
    """Return the heads of columns."""
    return [spoken().text(f"chains.head_{name}") for name in names]


def list_rows(workspace: "ChainWorkspace", counts: Counts) -> list[Sequence[str]]:
    """Return a row for each chain, also for those that are only drafted or tried."""
    rows: list[Sequence[str]] = [
        (*heads("name", "command", "model", "revision"), *THUMBS, *heads("from", "about")),
    ]
    for name in workspace.names:
        live = workspace.chain_files.catalog.chains.get(name)
        tried = workspace.on_trial(name)
        chain = live or (tried.chain if tried is not None else None)
        if chain is None:
            rows.append((name, "-", "-", "-", "-", "-", spoken().text("chains.only_draft"), ""))
            continue
        judged = rating_cells(counts, name, chain.revision)
        where = _origin(workspace, name)
        rows.append((name, chain.command or "-", chain.model, chain.revision, *judged, where, chain.description))
    return rows


def _origin(workspace: "ChainWorkspace", name: str) -> str:
    say = spoken().text
    if name not in workspace.chain_files.catalog.chains:
        origin = say("chains.only_trial")
    else:
        own = name in workspace.chain_files.files(workspace.folder)
        origin = say("chains.own" if own else "chains.shipped")
        origin = say("chains.broken", origin=origin) if name in workspace.chain_files.refused else origin
        origin = say("chains.trial", origin=origin) if name in workspace.deployment.trials else origin
    return say("chains.draft", origin=origin) if name in workspace.drafts else origin


def history_rows(releases: "Iterable[ChainRelease]", counts: Counts, shipped: "Version | None") -> list[Sequence[str]]:
    """Return a row for each release; `shipped` is the version that comes with webot."""
    from web.operator.chains.overview import origin_of  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.chains.release_words import name_people  # noqa: PLC0415 (not for `webot --help`)

    say = spoken().text
    rows: list[Sequence[str]] = [(*heads("when", "revision", "from", "to"), *THUMBS, *heads("author", "note"))]
    for release in releases:
        draft = release.draft
        whom = say("chains.nobody") if release.ends else name_people(release.share, release.users, spoken())
        judged = rating_cells(counts, draft.chain, draft.revision)
        origin = origin_of(release, shipped)
        answers = draft.revision or (shipped.chain.revision if shipped and origin == "shipped" else "")
        revision = answers or ("-" if release.ends else say("chains.taken_away"))
        where = "-" if origin == "none" else say(f"chains.{origin}")
        note = stored_in_language(draft.note, spoken())
        rows.append((_when(release), revision, where, whom, *judged, draft.author, note))
    return rows


def trial_rows(workspace: "ChainWorkspace") -> list[Sequence[str]]:
    """Return a row for each trial: what is tried, with whom, and on how many machines."""
    from web.operator.chains.release_words import name_people, service_line  # noqa: PLC0415 (not for `webot --help`)

    rows: list[Sequence[str]] = [heads("name", "revision", "to", "when", "author", "note", "service")]
    machines = workspace.deployment.machines
    for name, release in workspace.deployment.trials.items():
        draft = release.draft
        live = sum(machine.trials.get(name) == draft.revision for machine in machines)
        service = service_line(live, len(machines), spoken())
        whom = name_people(release.share, release.users, spoken())
        note = stored_in_language(draft.note, spoken())
        rows.append((name, draft.revision, whom, _when(release), draft.author, note, service))
    return rows


def print_rows(rows: Sequence[Sequence[str]]) -> None:
    """Print rows as a table."""
    click.echo("\n".join(format_columns(rows)))


def print_notices(workspace: "ChainWorkspace", *names: str) -> None:
    """Print what is to be known of chains beside their texts."""
    for name in names:
        for notice in workspace.notices(name):
            click.secho(in_language(notice, spoken()), fg="yellow", err=True)


def print_problems(problems: Iterable[str], *, colour: str = "red") -> None:
    """Print what is wrong."""
    for problem in dict.fromkeys(problems):
        click.secho(in_language(problem, spoken()), fg=colour, err=True)


def report_published(name: str, revision: str, whom: str, published: "Published") -> None:
    """Print what the service made of a release; raise click's `Exit` where it has not taken effect everywhere."""
    from web.operator.chains.release_words import published_line  # noqa: PLC0415 (not for `webot --help`)

    line = published_line(name, revision, whom, published, spoken())
    if published.took_effect:
        click.echo(line)
        return
    click.secho(line, fg="red" if published.undone else "yellow", err=True)
    if not published.undone:
        print_doubts(published)
    raise click.exceptions.Exit(1)


def print_doubts(published: "Published") -> None:
    """Print which machines have not taken a release over, and why."""
    from web.operator.chains.release_words import doubt_lines  # noqa: PLC0415 (not for `webot --help`)

    for line in doubt_lines(published, spoken()):
        click.secho(line, fg="red", err=True)


def _when(release: "ChainRelease") -> str:
    return release.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
