"""What an erasure leaves outside its transaction, removed at once: files, what trials remember, SQLite's own log."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from time import time

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pipeline.events import Person
from storage.conversations.audit import latest_forgetting
from storage.conversations.deletion import delete_forgotten_files, delete_marked_files
from storage.database.engine import Database
from storage.media.files import MediaFolder
from storage.terms.term_index import clean_index

log = structlog.get_logger()

TRIED = Path("cache") / "tried"
"""Where in the data folder answers of trials lie, which may repeat what people asked."""

_TRIED_DAYS = 30
_DAY = 86400.0
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between tries to empty SQLite's log; who reads is done sooner."""
_LATER = 60.0
_PATIENCE = 10.0
"""Seconds that the answer to `@forget` waits: it says that all is gone."""


class Eraser:
    """Removes the rest of what people wanted deleted, and does so until it is gone.

    `on_forgotten` drops what is remembered of a person in memory.
    """

    def __init__(
        self,
        database: Database,
        data_dir: Path,
        *,
        media: MediaFolder | None = None,
        on_forgotten: Callable[[Person], Awaitable[None]] | None = None,
    ) -> None:
        self._database = database
        self._data_dir = data_dir
        self._media = media or MediaFolder(data_dir / "media")
        self._on_forgotten = on_forgotten
        self._running: set[asyncio.Task[None]] = set()

    async def forgotten(self, person: Person) -> None:
        """Remove what is left of a person whose rows are gone; what cannot be now is tried again in the background."""
        task = asyncio.create_task(self._insist(person), name="erasure")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.wait((task,), timeout=_PATIENCE)

    async def finish(self) -> bool:
        """Remove what erasures have left; return whether nothing is left.

        Raises:
            SQLAlchemyError: The database cannot be read or written.
            OSError: A file cannot be removed.
        """
        await delete_marked_files(self._database, self._media)
        if (at := await latest_forgetting(self._database)) > 0:
            await delete_forgotten_files(self._database, self._media, forgotten_at=at)
        await drop_tried(self._database, self._data_dir)
        await clean_index(self._database)
        for pause in (*_PAUSES, 0.0):
            if await self._database.empty_log():
                return True
            await asyncio.sleep(pause)
        return False

    async def close(self) -> None:
        """Stop trying; the next start begins with it."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _insist(self, person: Person) -> None:
        while True:
            try:
                if self._on_forgotten is not None:
                    await self._on_forgotten(person)
                if await self.finish():
                    return
                log.warning("erasure_waits", reason="another process reads the database")
            except (SQLAlchemyError, OSError) as error:
                log.warning("erasure_waits", reason=type(error).__name__)
            await asyncio.sleep(_LATER)


async def drop_tried(database: Database, data_dir: Path) -> None:
    """Remove answers of trials that are older than the latest erasure a person asked for, or than 30 days."""
    before = max(await latest_forgetting(database), time() - _TRIED_DAYS * _DAY)
    await asyncio.to_thread(_drop, data_dir / TRIED, before)


def _drop(folder: Path, before: float) -> None:
    for file in folder.glob("*.json"):
        with suppress(FileNotFoundError):
            if file.stat().st_mtime <= before:
                file.unlink()
