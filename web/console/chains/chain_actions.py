"""What may be done with chains on a page and over the API alike: in somebody's name, and with errors that answer."""

import asyncio
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException

from pipeline.errors import ChainInvalid
from pipeline.text.i18n import Catalogue, Sentence, joined_sentences
from web.operator.chains.deployment import Version
from web.operator.chains.drafts import Draft, DraftChanged, Drafts
from web.operator.chains.overview import open_workspace
from web.operator.chains.publishing import Published
from web.operator.chains.release_words import name_people, published_line
from web.operator.chains.releasing import FinishedRelease, publish_draft, roll_back
from web.operator.chains.workspace import ChainWorkspace
from web.security.auditing import audit, name_of
from web.wiring import Service

_Request = Request[Any, Any, Any]

_MISSING = frozenset({"mistake.no_chain", "mistake.no_draft", "chains.no_revision", "chains.many_revisions"})


@dataclass(frozen=True, slots=True)
class DraftState:
    """A chain's draft, or where there is none, what is live; `etag` is empty then."""

    name: str
    exists: bool
    text: str
    etag: str
    live_revision: str


async def draft_state(workspace: ChainWorkspace, name: str) -> DraftState:
    """Return a chain's draft, else what is live of it.

    Raises:
        HTTPException: there is no such chain, or its draft holds no text.
    """
    try:
        draft = await asyncio.to_thread(Drafts(workspace.folder).read, name)
    except ChainInvalid as error:
        raise chain_problem(error) from error
    if not draft.exists and name not in workspace.names:
        raise unknown_chain(workspace, name)
    return state_of_draft(workspace, draft)


async def save_draft(
    service: Service, request: _Request, workspace: ChainWorkspace, name: str, text: str, *, seen: str
) -> Draft:
    """Write a chain's draft where it still is what was `seen` of it, in the name of the user of a request.

    Raises:
        HTTPException: it has changed since, no chain can be called so, or the text is too large.
    """
    try:
        draft = await asyncio.to_thread(Drafts(workspace.folder).write, name, text, seen=seen)
    except ChainInvalid as error:
        raise chain_problem(error) from error
    await audit(service.database, request, "chain_draft", {"chain": name})
    return draft


async def rename_draft(service: Service, request: _Request, name: str, other: str) -> None:
    """Rename a chain that is only a draft."""
    workspace = await open_workspace(service)
    try:
        if name in workspace.chain_files.catalog.chains:
            raise ChainInvalid(Sentence("chains.only_drafts", name=name))  # noqa: TRY301
        if other in workspace.names:
            raise ChainInvalid(Sentence("chains.chain_taken", name=other))  # noqa: TRY301
        await asyncio.to_thread(Drafts(workspace.folder).rename, name, other)
    except ChainInvalid as error:
        raise chain_problem(error) from error
    await audit(service.database, request, "chain_draft", {"chain": name, "renamed": other})


def unknown_chain(workspace: ChainWorkspace, name: str) -> HTTPException:
    """Return what is said of a chain that is not there."""
    return HTTPException(
        status_code=404, detail=Sentence("mistake.no_chain", found=name, known=", ".join(workspace.names))
    )


def chain_problem(error: ChainInvalid) -> HTTPException:
    """Return an error of chains as an answer: 412 for a draft that has changed, 404 for what is not there, else 422."""
    said = joined_sentences(error.problems)
    if isinstance(error, DraftChanged):
        return HTTPException(status_code=412, detail=said)
    missing = isinstance(said, Sentence) and said.key in _MISSING
    return HTTPException(status_code=404 if missing else 422, detail=said)


def state_of_draft(workspace: ChainWorkspace, draft: Draft) -> DraftState:
    """Return a draft as it is told, with what is live where there is none."""
    live = workspace.chain_files.catalog.chains.get(draft.name)
    text = draft.text
    if not draft.exists and live is not None:
        text = workspace.live(draft.name).text
    elif not draft.exists and (tried := workspace.on_trial(draft.name)) is not None:
        text = tried.text
    return DraftState(draft.name, draft.exists, text, draft.mark, live.revision if live else "")


async def release_draft(
    service: Service,
    request: _Request,
    name: str,
    *,
    share: int | None,
    users: tuple[str, ...],
    note: str,
    seen: str | None,
) -> FinishedRelease:
    """Release a chain's draft in the name of the user of a request."""
    workspace = await open_workspace(service)
    try:
        return await publish_draft(
            workspace, name, share=share, users=users, author=name_of(request), note=note, seen=seen
        )
    except ChainInvalid as error:
        raise chain_problem(error) from error


async def release_again(service: Service, request: _Request, name: str, revision: str, *, note: str) -> FinishedRelease:
    """Make an earlier revision answer again in the name of the user of a request."""
    workspace = await open_workspace(service)
    try:
        return await roll_back(workspace, name, revision, author=name_of(request), note=note)
    except ChainInvalid as error:
        raise chain_problem(error) from error


async def finish_trial(service: Service, request: _Request, name: str) -> FinishedRelease:
    """End what is tried of a chain in the name of the user of a request."""
    workspace = await open_workspace(service)
    if name not in workspace.deployment.trials:
        raise chain_problem(ChainInvalid(Sentence("chains.trial_missing", name=name)))
    published = await workspace.end_trial(name, author=name_of(request), note="")
    return FinishedRelease(name, "", 0, (), published)


async def remove_chain(service: Service, request: _Request, name: str) -> FinishedRelease:
    """Take a chain's own file away in the name of the user of a request."""
    workspace = await open_workspace(service)
    try:
        published = await workspace.take_away(name, author=name_of(request), note="")
    except ChainInvalid as error:
        raise chain_problem(error) from error
    return FinishedRelease(name, "", 0, (), published)


async def versions_between(workspace: ChainWorkspace, name: str, old: str, new: str) -> tuple[Version, Version]:
    """Return the two versions that a comparison names.

    Raises:
        ChainInvalid: there is none of such a name.
    """
    before = await workspace.revision(name, old) if old else await asyncio.to_thread(workspace.live, name)
    if new:
        return before, await workspace.revision(name, new)
    return before, await asyncio.to_thread(workspace.live if old else workspace.draft, name)


def release_sentence(done: FinishedRelease, words: Catalogue) -> str:
    """Return in one sentence what became of a release, or of taking something away."""
    published: Published = done.published
    if done.revision or not published.took_effect:
        whom = name_people(done.share, done.users, words)
        return published_line(done.name, done.revision, whom, published, words)
    return words.text("chains.ended", name=done.name)
