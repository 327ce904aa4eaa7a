"""What chains said and what of it is released: every distinct content once, every release in order."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import time
from typing import Any

import structlog
from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.revisions import WHOLE_SHARE, ChainRelease, ChainRevision, MachineState, ReleaseState
from storage.conversations.audit import note
from storage.conversations.chain_states import delete_state, read_states, write_state
from storage.database.engine import Database
from storage.database.reading import read_or_none, read_text, read_time
from storage.database.tables import chain_releases, chain_revisions

log = structlog.get_logger()

_RELEASES = select(
    chain_releases,
    func.coalesce(chain_revisions.c.content, "").label("content"),
).select_from(
    chain_releases.outerjoin(
        chain_revisions,
        (chain_revisions.c.chain == chain_releases.c.chain) & (chain_revisions.c.revision == chain_releases.c.revision),
    )
)
_WHOLE = chain_releases.c.share == WHOLE_SHARE
_BY_FILE = "file"
"""Who the audit names where a file was edited on the server and its system tells no owner."""


class RevisionStore:
    """Implements `Revisions` over the database, and reads the history for operators."""

    def __init__(self, database: Database, *, who: str = "") -> None:
        """Read and write a database; `who` is named by the audit, without it a release's author is."""
        self._database = database
        self._who = who
        self._insert = postgresql.insert if database.shared else sqlite.insert

    async def keep(self, drafts: Sequence[ChainRevision]) -> None:
        """Implement `Revisions.keep`."""
        if drafts:
            async with self._database.write() as connection:
                await self._keep(connection, drafts)

    async def release(self, draft: ChainRevision, *, share: int = WHOLE_SHARE, users: Sequence[str] = ()) -> int:
        """Implement `Revisions.release`, and write it into the audit; another note makes another release of a text."""
        said = json.dumps(sorted(users), ensure_ascii=False)
        async with self._database.write() as connection:
            newest = (
                await connection.execute(
                    select(chain_releases)
                    .where(chain_releases.c.chain == draft.chain)
                    .order_by(chain_releases.c.id.desc())
                    .limit(1)
                )
            ).one_or_none()
            same = newest is not None and (newest.revision, newest.share, newest.users) == (draft.revision, share, said)
            if newest is not None and same and draft.note in {"", newest.note}:
                return int(newest.id)
            if draft.revision:
                await self._keep(connection, [draft])
            made = await connection.execute(
                insert(chain_releases).values(
                    chain=draft.chain,
                    revision=draft.revision,
                    share=share,
                    users=said,
                    author=draft.author,
                    note=draft.note,
                    at=time(),
                )
            )
            details = {"chain": draft.chain, "revision": draft.revision, "share": share, "users": sorted(users)}
            await connection.run_sync(_note_release, self._who or draft.author or _BY_FILE, details)
            return int(made.inserted_primary_key[0]) if made.inserted_primary_key else 0

    async def report(self, state: MachineState) -> None:
        """Implement `Revisions.report`."""
        await write_state(self._database, state)

    async def sign_off(self, machine: str) -> None:
        """Implement `Revisions.sign_off`."""
        await delete_state(self._database, machine)

    async def machines(self) -> Sequence[MachineState]:
        """Return what the processes of the service say that run now."""
        return await read_states(self._database)

    async def latest(self) -> int:
        """Implement `Revisions.latest`."""
        async with self._database.read() as connection:
            return int((await connection.execute(select(func.max(chain_releases.c.id)))).scalar() or 0)

    async def standing(self) -> Mapping[str, ReleaseState]:
        """Implement `Revisions.standing`."""
        newest = select(func.max(chain_releases.c.id)).group_by(chain_releases.c.chain, _WHOLE)
        async with self._database.read() as connection:
            rows = await connection.execute(
                _RELEASES.where(chain_releases.c.id.in_(newest)).order_by(chain_releases.c.id)
            )
            found: dict[str, ReleaseState] = {}
            for release in filter(None, map(_release, rows)):
                chain = release.draft.chain
                before = found.get(chain, ReleaseState())
                # A release for everybody ends the trial before it.
                trial = None if release.whole or release.ends else release
                found[chain] = ReleaseState(release if release.whole else before.live, trial)
        return found

    async def known(self, chain: str, revision: str) -> bool:
        """Implement `Revisions.known`."""
        return any(draft.revision == revision for draft in await self.find(chain, revision))

    async def find(self, chain: str, beginning: str) -> Sequence[ChainRevision]:
        """Return a chain's revisions whose names begin so."""
        wanted = select(chain_revisions).where(
            chain_revisions.c.chain == chain, chain_revisions.c.revision.startswith(beginning, autoescape=True)
        )
        async with self._database.read() as connection:
            rows = await connection.execute(wanted.order_by(chain_revisions.c.made_at))
            return [ChainRevision(row.chain, row.revision, row.content, row.author, row.note) for row in rows]

    async def history(self, chain: str, *, limit: int = 50) -> Sequence[ChainRelease]:
        """Return a chain's releases, newest first."""
        wanted = _RELEASES.where(chain_releases.c.chain == chain).order_by(chain_releases.c.id.desc()).limit(limit)
        async with self._database.read() as connection:
            rows = await connection.execute(wanted)
            return [release for row in rows if (release := _release(row)) is not None]

    async def _keep(self, connection: AsyncConnection, drafts: Sequence[ChainRevision]) -> None:
        await connection.execute(
            self._insert(chain_revisions).on_conflict_do_nothing(),
            [
                {
                    "chain": draft.chain,
                    "revision": draft.revision,
                    "content": draft.content,
                    "author": draft.author,
                    "note": draft.note,
                    "made_at": time(),
                }
                for draft in drafts
            ],
        )


def _note_release(connection: Connection, who: str, details: Mapping[str, Any]) -> None:
    note(connection, "chain_release", who, details, conversations=0, messages=0)


def _release(row: Row[*tuple[Any, ...]]) -> ChainRelease | None:
    """Return a release, None for a row that cannot be read: it must not keep every other chain from answering."""
    users: Any = read_or_none(json.loads, row.users)
    words = (row.chain, row.revision, row.content, *(users if isinstance(users, list) else (None,)))
    if not all(isinstance(word, str) for word in words) or row.share not in range(WHOLE_SHARE + 1):
        log.error("chain_release_unreadable", release=row.id, chain=read_text(row.chain))
        return None
    return ChainRelease(
        number=row.id,
        draft=ChainRevision(row.chain, row.revision, row.content, read_text(row.author), read_text(row.note)),
        share=row.share,
        users=tuple(users),
        at=read_time(row.at) or datetime.fromtimestamp(0, UTC),
    )
