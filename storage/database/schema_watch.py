"""Notices when a newer webot has brought up the schema of the PostgreSQL this process works on."""

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pipeline.supervision import SupervisedLoop
from storage.database.engine import Database
from storage.database.failures import read_failure
from storage.database.migrate import HEAD, is_newer, version

log = structlog.get_logger()

_LOOK_SECONDS = 30.0


class SchemaWatch:
    """Reads the schema's number twice a minute; a SQLite file, which has one process, needs no watch."""

    def __init__(self, database: Database, *, seconds: float = _LOOK_SECONDS) -> None:
        self._database = database
        self._seconds = seconds
        self.loop = SupervisedLoop("schema", self._watch)
        self.newer = ""
        """The newer schema that is there, or nothing."""

    def start(self) -> None:
        """Begin to watch."""
        if self._database.shared:
            self.loop.start()

    async def close(self) -> None:
        """Stop watching."""
        await self.loop.stop()

    async def look(self) -> None:
        """Check once, and log a newer schema the first time it is seen."""
        found = await version(self._database)
        newer = found if is_newer(found) else ""
        if newer and newer != self.newer:
            log.error("schema_newer", found=newer, expected=HEAD)
        self.newer = newer

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.look()
            except (SQLAlchemyError, OSError) as error:
                log.warning("schema_not_read", error=str(read_failure(error)))
