"""Clears away what is no longer needed, a little at a time, so that nobody waits for it."""

import asyncio
from time import time

import structlog
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from storage.engine import Database
from storage.tables import inbox

log = structlog.get_logger()

_HOUR = 3600.0
_DAY = 24 * _HOUR
_BATCH = 1000


class Janitor:
    """Removes finished turns, with their parts, after `keep_days`; what failed stays until somebody deals with it."""

    def __init__(self, database: Database, *, keep_days: int) -> None:
        self._database = database
        self._keep = keep_days * _DAY
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
        old = (
            select(inbox.c.id)
            .where(inbox.c.ended_at < time() - self._keep, inbox.c.state.not_in(("failed", "undelivered")))
            .limit(_BATCH)
        )
        while True:
            async with self._database.write() as connection:
                gone = (await connection.execute(delete(inbox).where(inbox.c.id.in_(old)).returning(inbox.c.id))).all()
            removed += len(gone)
            if len(gone) < _BATCH:
                return removed

    async def _run(self) -> None:
        while True:
            try:
                removed = await self.clean()
            except (SQLAlchemyError, OSError) as error:
                log.warning("cleaning_failed", error=type(error).__name__)
            else:
                if removed:
                    log.info("cleaned", turns=removed)
            await asyncio.sleep(_HOUR)
