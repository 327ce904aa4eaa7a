"""Releases drafts and earlier revisions: the same for the shell, the API and the pages."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pipeline.errors import ChainInvalid
from pipeline.revisions import WHOLE_SHARE
from pipeline.text.i18n import Sentence
from web.operator.chains.drafts import DraftChanged, Drafts
from web.operator.chains.publishing import Published
from web.operator.chains.workspace import ChainWorkspace


@dataclass(frozen=True, slots=True)
class FinishedRelease:
    """Which revision was released to whom, and what the service's processes say of it."""

    name: str
    revision: str
    share: int
    users: tuple[str, ...]
    published: Published


async def publish_draft(
    workspace: ChainWorkspace,
    name: str,
    *,
    share: int | None,
    users: Sequence[str],
    author: str,
    note: str,
    seen: str | None = None,
) -> FinishedRelease:
    """Release a chain's draft; one that everybody gets is no draft any more.

    Without a `share`, to the `users` named, or to everybody where none is. `seen` is the mark of the draft that is
    meant, None for the one there is.

    Raises:
        DraftChanged: the draft is another one.
        ChainInvalid: there is no draft, it cannot be used, or nobody is named.
    """
    part = share_of(share, users)
    drafts = Drafts(workspace.folder)
    now = await asyncio.to_thread(drafts.read, name)
    if seen is not None and now.mark != seen:
        raise DraftChanged(name, now)
    version = await asyncio.to_thread(workspace.draft, name)
    published = await workspace.publish(name, version, author=author, note=note, share=part, users=users)
    if part == WHOLE_SHARE and published.took_effect:
        # Where somebody writes on already, what was added stays a draft.
        with suppress(DraftChanged):
            await asyncio.to_thread(drafts.delete, name, seen=now.mark)
    return FinishedRelease(name, version.chain.revision, part, tuple(users), published)


async def roll_back(workspace: ChainWorkspace, name: str, revision: str, *, author: str, note: str) -> FinishedRelease:
    """Make an earlier revision answer everybody again; the word "shipped" names the one that came with webot.

    Raises:
        ChainInvalid: there is no such revision, or it cannot be used any more.
    """
    version = await workspace.revision(name, revision)
    back = "reason.rolled_back_shipped" if version.shipped else "reason.rolled_back"
    said = note or Sentence(back, revision=version.label)
    published = await workspace.publish(name, version, author=author, note=said)
    return FinishedRelease(name, version.label, WHOLE_SHARE, (), published)


def share_of(share: int | None, users: Sequence[str]) -> int:
    """Return how many of a hundred people are meant.

    Raises:
        ChainInvalid: nobody is.
    """
    if any(not user.strip() for user in users):
        raise ChainInvalid(Sentence("chains.user_empty"))
    if share == 0 and not users:
        raise ChainInvalid(Sentence("chains.share_zero"))
    return share if share is not None else 0 if users else WHOLE_SHARE
