"""Opens the database for a CLI command beside a running service; driver errors become one line."""

import asyncio
import errno
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from sqlalchemy import insert, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pipeline.errors import SettingsInvalid, WebotError
from pipeline.text.i18n import Sentence
from storage.database.dsn import database_place, read_url
from storage.database.engine import CLOCK, Database, open_database
from storage.database.failures import DatabaseAway, failure_sentence
from storage.database.migrate import HEAD, Migrated, SchemaTooNew, is_newer, migrate, newer_sentence, version
from storage.database.tables import people, workers

_DATABASES_ERRORS = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_DRIVERS_ERRORS = (*_DATABASES_ERRORS, OSError)
_OF_FILES = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})
"""What only a file, a disk or a pipe answers, never a database's connection."""
_CLASS = re.compile(r"^<class '[\w.]+'>: ")


class DatabaseUnusable(WebotError):
    """The database cannot be reached, read or written; whoever runs it must look."""


class NoDatabase(WebotError):
    """Nothing has been stored yet: the SQLite file is not there."""


class SchemaOutdated(WebotError):
    """The database stands at an earlier schema than this version's; `webot migrate` brings it up."""


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """How a database is found: `place` names it without its password, `version` is empty before the first start."""

    place: str
    shared: bool
    exists: bool
    version: str = ""
    expected: str = HEAD

    @property
    def is_newer(self) -> bool:
        """Whether a later version's schema is there."""
        return is_newer(self.version)


@asynccontextmanager
async def open_for_cli(url: str) -> AsyncIterator[Database]:
    """Open a database that stands at this version's schema, beside whoever works on it.

    Raises `NoDatabase`, `SchemaOutdated`, `SchemaTooNew` or `DatabaseUnusable`.
    """
    file = sqlite_file(url)
    if file is not None and not await asyncio.to_thread(file.exists):
        raise NoDatabase(Sentence("database.none", file=str(file)))
    database = await asyncio.to_thread(open_database, url)
    try:
        with driver_errors():
            found = await version(database)
        if is_newer(found):
            raise SchemaTooNew(newer_sentence(found))
        if found != HEAD:
            raise SchemaOutdated(Sentence("database.outdated", found=found, expected=HEAD))
        with driver_errors(files=False):
            yield database
    finally:
        await database.close()


async def ensure_schema(url: str) -> Migrated:
    """Make the database if need be and take every missing step of its schema.

    Raises `AlreadyRunning` when a service owns the file, `SchemaTooNew` or `DatabaseUnusable`.
    """
    with driver_errors():
        database = await asyncio.to_thread(open_database, url)
        try:
            await asyncio.to_thread(database.own)
            return await migrate(database)
        finally:
            await database.close()


async def examine(url: str) -> DatabaseStatus:
    """Connect to a database, read and write, and leave nothing behind.

    Raises `SettingsInvalid` or `DatabaseUnusable`.
    """
    file = sqlite_file(url)
    place = database_place(read_url(url)) if file is None else str(file)
    if file is not None and not await asyncio.to_thread(file.exists):
        return DatabaseStatus(place, shared=False, exists=False)
    with driver_errors():
        database = await asyncio.to_thread(open_database, url)
        try:
            found = await version(database)
            if found == HEAD:
                await _write_nothing(database)
        finally:
            await database.close()
    return DatabaseStatus(place, shared=database.shared, exists=True, version=found)


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite URL, None for a server's."""
    try:
        parsed = read_url(url)
    except SettingsInvalid:
        return None
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def identity(url: URL) -> str:
    """Name a database so that two processes on one machine can tell whether they mean the same."""
    file = url.database if url.get_backend_name() == "sqlite" else None
    return str(Path(file).resolve()) if file else database_place(url)


@contextmanager
def driver_errors(*, files: bool = True) -> Iterator[None]:
    """Raise what drivers raise as a `DatabaseUnusable` of one line, without statements and their values.

    Where other `files` and pipes are written as well, what is wrong with those is raised as it is.
    """
    try:
        yield
    except _DRIVERS_ERRORS as error:
        if not files and isinstance(error, OSError) and (error.filename is not None or error.errno in _OF_FILES):
            raise
        raise DatabaseUnusable(Sentence("database.unusable", said=failure_sentence(error))) from error


def unusable_sentence(error: BaseException) -> Sentence | None:
    """Return for people what keeps the database from being asked; None if an error is none of a database's."""
    if not isinstance(error, _DATABASES_ERRORS):
        return None
    return Sentence("database.unusable", said=failure_sentence(error))


async def _write_nothing(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(people).values(person="webot doctor", channel="", user=""))
        await connection.rollback()


def error_line(error: BaseException) -> str:
    """Return what a driver said and its class, in one line for the log, without statements and their values."""
    if isinstance(error, DatabaseAway) and error.__cause__ is not None:
        error = error.__cause__
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    line = _CLASS.sub("", str(cause).partition("\n")[0])
    return f"{type(cause).__name__}: {line}" if line else type(cause).__name__


async def service_is_running(database: Database) -> bool:
    """Whether a process holds the SQLite file, or a worker of this machine has a valid lease."""
    if not database.shared:
        return await asyncio.to_thread(database.is_owned)
    async with database.read() as connection:
        now = float((await connection.execute(CLOCK)).scalar_one())
        here = select(workers.c.id).where(workers.c.host == socket.gethostname(), workers.c.expires_at > now).limit(1)
        return (await connection.execute(here)).scalar_one_or_none() is not None
