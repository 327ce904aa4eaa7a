"""Waits for PostgreSQL when the service starts: machines and containers begin in no order."""

import asyncio
import ssl
from collections.abc import Callable

import asyncpg
import structlog

from pipeline.text.i18n import Sentence
from storage.database.access import DatabaseUnusable, driver_errors, error_line
from storage.database.dsn import CONNECT_SECONDS, check_files, database_place, read_url
from storage.database.failures import failure_sentence
from storage.database.postgres import Connector

log = structlog.get_logger()

_AGAIN_SECONDS = 1.0
_AWAY_CLASSES = ("08", "53", "57")
"""SQLSTATE's classes: connections, resources (too many connections), and a server that starts or stops.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""


async def wait_for_database(url: str, *, seconds: float, announce: Callable[[str], None]) -> None:
    """Return once the database takes connections; `announce` gets one sentence, once, if that is not at once.

    Raises:
        DatabaseUnusable: it did not within `seconds`, or it refuses us (password, name, permission), which no
            waiting mends.
    """
    parsed = read_url(url)
    if parsed.get_backend_name() != "postgresql":
        return
    await asyncio.to_thread(check_files, parsed)
    connector, loop = Connector(parsed), asyncio.get_running_loop()
    deadline, waited = loop.time() + seconds, False
    while True:
        try:
            with driver_errors():
                async with asyncio.timeout_at(max(deadline, loop.time() + CONNECT_SECONDS)):
                    connection = await connector.connect()
        except DatabaseUnusable as error:
            reason = error_line(error.__cause__ or error)
            if not _is_away(error.__cause__):
                raise
            left = deadline - loop.time()
            if left <= 0:
                said = error.args[0]
                if waited:
                    said = Sentence("database.waited", said=said, seconds=f"{seconds:g}")
                raise DatabaseUnusable(said) from error
            if not waited:
                waited = True
                place = database_place(parsed)
                log.warning("database_awaited", place=place, reason=reason, seconds=seconds)
                said = failure_sentence(error.__cause__ or error)
                announce(Sentence("database.awaited", place=place, said=said, seconds=f"{seconds:g}"))
            await asyncio.sleep(min(left, _AGAIN_SECONDS))
        else:
            connection.terminate()
            return


def _is_away(error: BaseException | None) -> bool:
    match error:
        case ssl.SSLError() | PermissionError():
            return False
        case asyncpg.PostgresError():
            return str(error.sqlstate)[:2] in _AWAY_CLASSES
        case OSError() | asyncpg.TargetServerAttributeNotMatched():
            return True
        case _:
            return False
