"""LISTEN/NOTIFY: processes on one PostgreSQL wake each other. What is missed, the worker's poll finds."""

import asyncio
from collections.abc import Callable

import asyncpg
import structlog
from sqlalchemy.engine import URL

log = structlog.get_logger()

_AGAIN_SECONDS = 1.0
_SQLALCHEMY = ("async_fallback", "prepared_statement_cache_size", "prepared_statement_name_func")
"""What a URL may say to SQLAlchemy and not to the driver."""


class Bell:
    """A connection that only listens; it comes back by itself when the database does."""

    def __init__(self, url: URL, ring: Callable[[str], None]) -> None:
        _, self._options = url.get_dialect()().create_connect_args(url)
        for name in _SQLALCHEMY:
            self._options.pop(name, None)
        self._ring = ring
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin listening."""
        self._task = asyncio.create_task(self._listen(), name="bell")

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _listen(self) -> None:
        while True:
            gone = asyncio.Event()
            try:
                connection = await asyncpg.connect(**{**self._options, "timeout": 5})
            except (OSError, TimeoutError, asyncpg.PostgresError) as error:
                log.warning("bell_not_connected", error=type(error).__name__)
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            try:
                connection.add_termination_listener(lambda *_, gone=gone: gone.set())
                await connection.add_listener("webot", lambda *heard: self._ring(str(heard[-1])))
                # Whatever was said while nobody listened.
                self._ring("ready")
                await gone.wait()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("bell_broken", error=type(error).__name__)
            finally:
                connection.terminate()
            await asyncio.sleep(_AGAIN_SECONDS)
