"""Clears away what is no longer needed, a little at a time, so that nobody waits for it."""

import asyncio
from itertools import count
from time import time

import structlog
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from storage.engine import Database
from storage.forgetting import forget_old, remove_doomed, remove_unheld
from storage.media import MediaFolder
from storage.tables import inbox

log = structlog.get_logger()

_HOUR = 3600.0
_HOURS_A_DAY = 24
_DAY = _HOURS_A_DAY * _HOUR
_BATCH = 1000


class Janitor:
    """Removes finished turns, with their parts, after `keep_days`; what failed stays until somebody deals with it.

    Files of the media folder go `keep_media_days` after they were last stored, and what was said `retention_days`
    after it was; 0 keeps them for ever. Files of what was forgotten go in any case, and those nothing refers to.
    """

    def __init__(
        self, database: Database, media: MediaFolder, *, keep_days: int, keep_media_days: int, retention_days: int = 0
    ) -> None:
        self._database = database
        self._media = media
        self._keep = keep_days * _DAY
        self._keep_media_days = keep_media_days
        self._retention_days = retention_days
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Clean now and each hour."""
        self._task = asyncio.create_task(self._run(), name="janitor")

    async def close(self) -> None:
        """Stop cleaning."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def clean(self) -> int:
        """Remove what is old; give how many turns went."""
        removed = 0
        before = time() - self._keep
        old = (
            select(inbox.c.id)
            .where(
                inbox.c.ended_at < before,
                # Its key refuses a second delivery for as long as one would be answered (`pipeline.intake`).
                inbox.c.sent_at < before,
                inbox.c.state.not_in(("failed", "undelivered")),
            )
            .limit(_BATCH)
        )
        while True:
            async with self._database.write() as connection:
                gone = (await connection.execute(delete(inbox).where(inbox.c.id.in_(old)).returning(inbox.c.id))).all()
            removed += len(gone)
            if len(gone) < _BATCH:
                return removed

    async def _run(self) -> None:
        for hour in count():
            try:
                removed = await self.clean()
                files = await self._media.sweep(days=self._keep_media_days) if self._keep_media_days else 0
                if self._retention_days:
                    await forget_old(self._database, days=self._retention_days)
                files += await remove_doomed(self._database, self._media)
                if hour % _HOURS_A_DAY == 0:
                    # It looks through all messages.
                    files += await remove_unheld(self._database, self._media)
            except (SQLAlchemyError, OSError) as error:
                log.warning("cleaning_failed", error=type(error).__name__)
            else:
                if removed or files:
                    log.info("cleaned", turns=removed, files=files)
            await asyncio.sleep(_HOUR)
