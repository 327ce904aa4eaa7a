"""Deletes expired rows and files in small batches."""

import asyncio
from collections.abc import Awaitable
from itertools import count
from math import inf
from time import time

import structlog
from sqlalchemy import Insert, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.supervision import SupervisedLoop
from storage.conversations.deletion import delete_marked_files, delete_unreferenced_files, forget_old
from storage.conversations.erasure import Eraser
from storage.conversations.kept_documents import drop_old_exports
from storage.conversations.polled_streams import drop_old_streams
from storage.conversations.ratings import adopt_ratings
from storage.database.engine import Database
from storage.database.failures import read_failure
from storage.database.tables import inbox, removed_keys
from storage.media.files import MediaFolder
from storage.usage.pseudonyms import drop_pseudonyms

log = structlog.get_logger()

_HOUR = 3600.0
_HOURS_A_DAY = 24
_DAY = _HOURS_A_DAY * _HOUR
_BATCH = 1000


class CleanupTask:
    """Removes finished turns, with their parts, after `keep_days`; what failed stays until somebody deals with it.

    Files of the media folder go `keep_media_days` after they were last stored, and what was said `retention_days`
    after it was; 0 keeps them for ever. Files of what was forgotten go in any case, and those nothing refers to.
    """

    def __init__(
        self,
        database: Database,
        media: MediaFolder,
        *,
        keep_days: int,
        keep_media_days: int,
        retention_days: int = 0,
        eraser: Eraser | None = None,
    ) -> None:
        self._database = database
        self._media = media
        self._keep_days = keep_days
        self._keep = keep_days * _DAY
        self._keep_media_days = keep_media_days
        self._retention_days = retention_days
        self._eraser = eraser
        self._keyless_until = -inf
        self.loop = SupervisedLoop("janitor", self._run)

    @property
    def keyless_until(self) -> float:
        """Return when the latest event was sent whose key is gone, in seconds since 1970, as this process knows it."""
        return self._keyless_until

    async def load(self) -> None:
        """Read what was removed before, also by other processes and under other settings. Raises `SQLAlchemyError`."""
        async with self._database.read() as connection:
            await self._note(connection)

    async def _note(self, connection: AsyncConnection) -> None:
        sent_at = (await connection.execute(select(removed_keys.c.sent_at))).scalar_one_or_none()
        self._keyless_until = -inf if sent_at is None else float(sent_at)

    def start(self) -> None:
        """Clean now and each hour."""
        self.loop.start()

    async def close(self) -> None:
        """Stop cleaning."""
        await self.loop.stop()

    async def clean(self) -> int:
        """Remove what is old; return how many turns went."""
        removed = 0
        before = time() - self._keep
        old = (
            select(inbox.c.id)
            .where(
                inbox.c.ended_at < before,
                # Its key refuses a second delivery for as long as one would be answered (`pipeline.lanes`).
                inbox.c.sent_at < before,
                inbox.c.state.not_in(("failed", "undelivered")),
            )
            .limit(_BATCH)
        )
        while True:
            async with self._database.write() as connection:
                gone = (
                    await connection.execute(delete(inbox).where(inbox.c.id.in_(old)).returning(inbox.c.sent_at))
                ).all()
                if gone:
                    await connection.execute(self._raise_mark(max(row.sent_at for row in gone)))
                await self._note(connection)
            removed += len(gone)
            if len(gone) < _BATCH:
                return removed

    def _raise_mark(self, sent_at: float) -> Insert:
        insert, greatest = (postgresql.insert, func.greatest) if self._database.shared else (sqlite.insert, func.max)
        mark = insert(removed_keys).values(id=1, sent_at=sent_at)
        return mark.on_conflict_do_update(
            index_elements=["id"], set_={"sent_at": greatest(removed_keys.c.sent_at, mark.excluded.sent_at)}
        )

    async def _run(self) -> None:
        for hour in count():
            removed = await _tried("turns", self.clean())
            files = 0
            if self._keep_media_days:
                files += await _tried("media", self._media.sweep(before=time() - self._keep_media_days * _DAY))
            if self._retention_days:
                await _tried("retention", self._forget_old())
            await _tried("pseudonyms", drop_pseudonyms(self._database, now=time()))
            await _tried("ratings", adopt_ratings(self._database))
            await _tried("streams", drop_old_streams(self._database, now=time()))
            await _tried("exports", drop_old_exports(self._database, days=self._keep_days))
            files += await _tried("forgotten files", delete_marked_files(self._database, self._media))
            if self._eraser is not None:
                await _tried("erasures", self._eraser.finish())
            if hour % _HOURS_A_DAY == 0:
                # It looks through all messages.
                files += await _tried("unheld files", delete_unreferenced_files(self._database, self._media))
            if removed or files:
                log.info("cleaned", turns=removed, files=files)
            await asyncio.sleep(_HOUR)

    async def _forget_old(self) -> int:
        return (await forget_old(self._database, days=self._retention_days)).messages


async def _tried(what: str, cleaning: Awaitable[int]) -> int:
    """Return what a step removed; one that fails must not keep the others from being taken."""
    try:
        return await cleaning
    except Exception as error:  # noqa: BLE001 -- the edge of a step
        log.error("cleaning_failed", what=what, error=str(read_failure(error)))  # noqa: TRY400 -- it may quote a row
        return 0
