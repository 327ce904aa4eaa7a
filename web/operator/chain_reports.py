"""What `webot chains` prints of chains, releases and trials, in the language of the settings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from pipeline.text.i18n import Catalogue, in_language
from web.operator.ratings import THUMBS, rating_cells
from web.operator.table import format_columns

if TYPE_CHECKING:
    from pipeline.revisions import ChainRelease
    from storage.conversations.ratings import RatingCount
    from web.operator.chains import ChainWorkspace
    from web.operator.publishing import Published

CATALOGUE = "webot.catalogue"
"""Under this name a verb keeps the language it speaks in click's context."""

Counts = Mapping[tuple[str, str], "RatingCount"]


def spoken() -> Catalogue:
    """Return the language that a verb speaks: that of the settings, once they are read."""
    found = click.get_current_context().meta.get(CATALOGUE)
    return found if isinstance(found, Catalogue) else Catalogue("en")


def heads(*names: str) -> list[str]:
    """Return the heads of columns."""
    return [spoken().text(f"chains.head_{name}") for name in names]


def list_rows(desk: "ChainWorkspace", counts: Counts) -> list[Sequence[str]]:
    """Return a row for each chain, also for those that are only drafted or tried."""
    rows: list[Sequence[str]] = [
        (*heads("name", "command", "model", "revision"), *THUMBS, *heads("from", "about")),
    ]
    for name in desk.names:
        live = desk.shelf.catalog.chains.get(name)
        tried = desk.on_trial(name)
        chain = live or (tried.chain if tried is not None else None)
        if chain is None:
            rows.append((name, "-", "-", "-", "-", "-", spoken().text("chains.only_draft"), ""))
            continue
        judged = rating_cells(counts, name, chain.revision)
        where = _origin(desk, name)
        rows.append((name, chain.command or "-", chain.model, chain.revision, *judged, where, chain.description))
    return rows


def _origin(desk: "ChainWorkspace", name: str) -> str:
    say = spoken().text
    if name not in desk.shelf.catalog.chains:
        origin = say("chains.only_trial")
    else:
        own = name in desk.shelf.files(desk.folder)
        origin = say("chains.own" if own else "chains.shipped")
        origin = say("chains.broken", origin=origin) if name in desk.shelf.refused else origin
        origin = say("chains.trial", origin=origin) if name in desk.deployment.trials else origin
    return say("chains.draft", origin=origin) if name in desk.drafts else origin


def history_rows(releases: "Iterable[ChainRelease]", counts: Counts) -> list[Sequence[str]]:
    """Return a row for each release."""
    say = spoken().text
    rows: list[Sequence[str]] = [(*heads("when", "revision", "to"), *THUMBS, *heads("author", "note"))]
    for release in releases:
        draft = release.draft
        whom = say("chains.nobody") if release.ends else name_people(release.share, release.users)
        judged = rating_cells(counts, draft.chain, draft.revision)
        revision = draft.revision or ("-" if release.ends else say("chains.taken_away"))
        rows.append((_when(release), revision, whom, *judged, draft.author, draft.note))
    return rows


def trial_rows(desk: "ChainWorkspace") -> list[Sequence[str]]:
    """Return a row for each trial: what is tried, with whom, and on how many machines."""
    rows: list[Sequence[str]] = [heads("name", "revision", "to", "when", "author", "note", "service")]
    machines = desk.deployment.machines
    for name, release in desk.deployment.trials.items():
        draft = release.draft
        live = sum(machine.trials.get(name) == draft.revision for machine in machines)
        service = service_line(live, len(machines))
        whom = name_people(release.share, release.users)
        rows.append((name, draft.revision, whom, _when(release), draft.author, draft.note, service))
    return rows


def service_line(live: int, count: int) -> str:
    """Return on how many of the service's machines something is so."""
    say = spoken().text
    return say("chains.service_live", live=live, all=count) if count else say("chains.service_none")


def name_people(share: int, users: Sequence[str]) -> str:
    """Return to whom something is released."""
    say = spoken().text
    if share == 100:  # noqa: PLR2004 (everybody)
        return say("chains.everybody")
    named = ", ".join(users)
    if share and named:
        return say("chains.and", first=say("chains.share", share=share), second=named)
    return say("chains.share", share=share) if share else named


def print_rows(rows: Sequence[Sequence[str]]) -> None:
    """Print rows as a table."""
    click.echo("\n".join(format_columns(rows)))


def print_notices(desk: "ChainWorkspace", *names: str) -> None:
    """Print what is to be known of chains beside their texts."""
    for name in names:
        for notice in desk.notices(name):
            click.secho(in_language(notice, spoken()), fg="yellow", err=True)


def print_problems(problems: Iterable[str], *, colour: str = "red") -> None:
    """Print what is wrong."""
    for problem in dict.fromkeys(problems):
        click.secho(in_language(problem, spoken()), fg=colour, err=True)


def report_published(name: str, revision: str, whom: str, published: "Published") -> None:
    """Print what the service made of a release; raise click's `Exit` where it has not taken effect everywhere."""
    say = spoken().text
    service = service_line(len(published.live), published.machines)
    if published.took_effect:
        kind = "already" if published.repeated else "answers" if published.machines else "answers_soon"
        click.echo(say(f"chains.{kind}", name=name, revision=revision, whom=whom, service=service))
        return
    if published.undone:
        reasons = dict.fromkeys(wrong or say("chains.superseded") for wrong in published.refused.values())
        said = "; ".join(reasons)
        click.secho(say("chains.refused", name=name, revision=revision, said=said), fg="red", err=True)
    else:
        click.secho(say("chains.partly", name=name, revision=revision, service=service), fg="yellow", err=True)
        print_doubts(published)
    raise click.exceptions.Exit(1)


def print_doubts(published: "Published") -> None:
    """Print which machines have not taken a release over, and why."""
    from web.operator.publishing import PATIENCE  # noqa: PLC0415 (not for `webot --help`)

    say = spoken().text
    for host, wrong in published.refused.items():
        said = wrong or say("chains.superseded")
        click.secho(say("chains.refused_line", host=host, said=said), fg="red", err=True)
    if late := published.late:
        hosts = ", ".join(sorted({machine.host for machine in late}))
        line = say("chains.late_line", count=len(late), all=published.machines, seconds=f"{PATIENCE:g}", hosts=hosts)
        click.secho(line, fg="red", err=True)


def _when(release: "ChainRelease") -> str:
    return release.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
