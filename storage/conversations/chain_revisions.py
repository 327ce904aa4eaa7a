"""What chains said and what of it is released: every distinct content once, every release in order."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import time
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.revisions import WHOLE_SHARE, ChainRelease, ChainRevision, ReleaseState
from storage.database.engine import Database
from storage.database.tables import chain_releases, chain_revisions

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


class RevisionStore:
    """Implements `Revisions` over the database, and reads the history for operators."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = postgresql.insert if database.shared else sqlite.insert

    async def keep(self, drafts: Sequence[ChainRevision]) -> None:
        """Implement `Revisions.keep`."""
        if drafts:
            async with self._database.write() as connection:
                await self._keep(connection, drafts)

    async def release(self, draft: ChainRevision, *, share: int = WHOLE_SHARE, users: Sequence[str] = ()) -> None:
        """Implement `Revisions.release`."""
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
            if newest is not None and (newest.revision, newest.share, newest.users) == (draft.revision, share, said):
                return
            if draft.revision:
                await self._keep(connection, [draft])
            await connection.execute(
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
            for release in map(_release, rows):
                chain = release.draft.chain
                before = found.get(chain, ReleaseState())
                # A release for everybody ends the trial before it.
                found[chain] = ReleaseState(live=release) if release.whole else ReleaseState(before.live, release)
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
            return [_release(row) for row in await connection.execute(wanted)]

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


def _release(row: Row[*tuple[Any, ...]]) -> ChainRelease:
    return ChainRelease(
        number=row.id,
        draft=ChainRevision(row.chain, row.revision, row.content, row.author, row.note),
        share=row.share,
        users=tuple(json.loads(row.users)),
        at=datetime.fromtimestamp(row.at, UTC),
    )
