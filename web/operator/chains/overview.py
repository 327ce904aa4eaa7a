"""The chains at a glance: who is answered by which, what is tried and with whom, and what people think of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from chains.catalog.config import ChainConfig
from pipeline.revisions import ChainRelease
from pipeline.text.i18n import Catalogue
from pipeline.text.stored_sentences import stored_in_language
from storage.conversations.ratings import RatingCount
from web.operator.chains.deployment import Version, deployment_of
from web.operator.chains.workspace import ChainWorkspace
from web.wiring import Service

Origin = Literal["own", "shipped", "none"]


@dataclass(frozen=True, slots=True)
class ReleaseSummary:
    """Who released which revision to whom; `revision` is empty where a chain was taken away or a trial ended."""

    number: int
    revision: str
    at: datetime
    author: str
    note: str
    share: int
    users: tuple[str, ...]
    ends: bool = False
    good: int = 0
    bad: int = 0
    origin: Origin = "own"
    """Where the text is from that answered from then on."""


@dataclass(frozen=True, slots=True)
class ChainSummary:
    """One chain; `revision` is what everybody gets, empty for a chain that is only drafted or tried."""

    name: str
    description: str
    command: str
    aliases: tuple[str, ...]
    keywords: tuple[str, ...]
    channels: tuple[str, ...]
    """The channels whose own chain it is."""
    chosen_by: tuple[str, ...]
    """The chains whose model may hand a question to it."""
    model: str
    revision: str
    origin: Origin
    has_draft: bool
    problem: str
    """Why its own file is not in use."""
    good: int
    bad: int
    trial: ReleaseSummary | None
    changed: ReleaseSummary | None
    """The last release, to whomever."""
    cases: int


async def open_workspace(service: Service) -> ChainWorkspace:
    """Return the chains as the service has them, over its own database."""
    deployment = await deployment_of(service.database)
    return await asyncio.to_thread(ChainWorkspace, service.settings, deployment, service.database)


async def list_releases(workspace: ChainWorkspace, name: str) -> list[ReleaseSummary]:
    """Return a chain's releases, newest first, with what people think of each revision."""
    counts, shipped = await workspace.ratings(), workspace.shipped(name)
    return [
        replace(_summarise_release(each, counts), origin=origin_of(each, shipped))
        for each in await workspace.history(name)
    ]


def origin_of(release: ChainRelease, shipped: Version | None) -> Origin:
    """Return where the text of a release is from; `none` where a trial ended, or a chain is gone without one."""
    revision = release.draft.revision
    if release.ends or not (revision or shipped):
        return "none"
    return "shipped" if shipped is not None and revision in {"", shipped.chain.revision} else "own"


def _summarise_release(release: ChainRelease, counts: Mapping[tuple[str, str], RatingCount]) -> ReleaseSummary:
    draft = release.draft
    count = counts.get((draft.chain, draft.revision), RatingCount())
    return ReleaseSummary(
        number=release.number,
        revision=draft.revision,
        at=release.at,
        author=draft.author,
        note=draft.note,
        share=release.share,
        users=release.users,
        ends=release.ends,
        good=count.good,
        bad=count.bad,
    )


def release_in_language(release: ReleaseSummary, words: Catalogue) -> ReleaseSummary:
    """Return a release whose note, where it is a stored sentence, is said in a language."""
    return replace(release, note=stored_in_language(release.note, words))


def chain_in_language(chain: ChainSummary, words: Catalogue) -> ChainSummary:
    """Return a chain whose stored sentences are said in a language."""
    return replace(
        chain,
        problem=stored_in_language(chain.problem, words),
        trial=chain.trial and release_in_language(chain.trial, words),
        changed=chain.changed and release_in_language(chain.changed, words),
    )


async def list_chains(workspace: ChainWorkspace) -> tuple[ChainSummary, ...]:
    """Return every chain, those only drafted or tried among them."""
    counts = await workspace.ratings()
    return tuple(_summary(workspace, name, counts) for name in workspace.names)


async def find_chain(workspace: ChainWorkspace, name: str) -> ChainSummary | None:
    """Return one chain, None where there is none of this name."""
    if name not in workspace.names:
        return None
    return _summary(workspace, name, await workspace.ratings())


def _summary(workspace: ChainWorkspace, name: str, counts: Mapping[tuple[str, str], RatingCount]) -> ChainSummary:
    live = workspace.chain_files.catalog.chains.get(name)
    tried = workspace.on_trial(name)
    chain = live or (tried.chain if tried is not None else None) or ChainConfig(name=name, model="")
    state = workspace.deployment.standing.get(name)
    releases = [each for each in ((state.live, state.trial) if state else ()) if each is not None]
    count = counts.get((name, live.revision), RatingCount()) if live else RatingCount()
    trial = workspace.deployment.trials.get(name)
    last = max(releases, key=lambda each: each.number, default=None)
    origin: Origin = "none"
    if live is not None:
        origin = "own" if name in workspace.chain_files.files(workspace.folder) else "shipped"
    return ChainSummary(
        name=name,
        description=chain.description,
        command=chain.command,
        aliases=chain.aliases,
        keywords=chain.keywords,
        channels=tuple(sorted(each for each, table in workspace.settings.channels.items() if table.chain == name)),
        chosen_by=tuple(
            other for other, each in sorted(workspace.chain_files.catalog.chains.items()) if name in each.hands_to
        ),
        model=chain.model,
        revision=live.revision if live else "",
        origin=origin,
        has_draft=name in workspace.drafts,
        problem=workspace.chain_files.refused.get(name, ""),
        good=count.good,
        bad=count.bad,
        trial=_summarise_release(trial, counts) if trial else None,
        changed=_summarise_release(last, counts) if last else None,
        cases=len(chain.cases),
    )
