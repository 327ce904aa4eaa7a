"""The database: SQLite owned by one process, or PostgreSQL shared by several, behind the same two doors."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from sqlalchemy import create_engine, event, func, select
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql.expression import extract

from pipeline.errors import AlreadyRunning
from pipeline.text.i18n import Sentence
from storage.database import sqlite
from storage.database.dsn import check_files, read_url
from storage.database.failures import absence
from storage.database.postgres import Connector, open_pool

NOW = extract("epoch", func.clock_timestamp())
"""PostgreSQL's time, in seconds since 1970."""
CLOCK = select(NOW)


Got = TypeVar("Got")

POOL_SIZE = 14
"""Connections to PostgreSQL a process, unless the settings say otherwise."""

_MOST_WRITERS = 4
_BUSY_SECONDS = 30
_INSTANT = 0.2
"""Seconds."""

_as_json = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


class Database:
    """One door for reading (each statement for itself), one for writing (a transaction).

    SQLite has a single writing connection, so writers of this process queue instead of meeting "database is
    locked"; readers never wait for it (WAL).
    """

    def __init__(self, url: URL, *, pool_size: int = POOL_SIZE) -> None:
        self.url = url
        self.shared = url.get_backend_name() == "postgresql"
        self.connector: Connector | None = None
        """What opens connections to PostgreSQL."""
        self._lock: FileLock | None = None
        self._identity: tuple[int, int] | None = None
        self._whole: sqlite.ThreadTransactions | None = None
        # One after the other: waiting for SQLite's own lock means looking again and again.
        self._writing = asyncio.Lock()
        if self.shared:
            self.connector = Connector(url)
            # Apart: what is accepted and the lease never wait for those who read.
            writers = min(_MOST_WRITERS, pool_size // 2)
            self._writers = open_pool(url, self.connector, size=writers, json_serializer=_as_json)
            self._readers = open_pool(
                url,
                self.connector,
                size=pool_size - writers,
                json_serializer=_as_json,
                isolation_level="AUTOCOMMIT",
                # Nothing to undo after a statement that was its own transaction.
                skip_autocommit_rollback=True,
            )
        else:
            file = Path(url.database or "")
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists():
                # What people say is nobody else's on this machine; SQLite's other files take over the mode.
                file.touch(mode=0o600)
            self._identity = _identity_of(file)
            self._writers = _sqlite(url, pool_size=1, begin="BEGIN IMMEDIATE")
            self._readers = _sqlite(url, pool_size=4, begin="")
            self._whole = sqlite.ThreadTransactions(
                _set_up(
                    create_engine(
                        url.set(drivername="sqlite"),
                        pool_size=1,
                        max_overflow=0,
                        isolation_level="AUTOCOMMIT",
                        json_serializer=_as_json,
                        connect_args={
                            "timeout": _BUSY_SECONDS,
                            "check_same_thread": False,
                            "factory": sqlite.EagerConnection,
                        },
                    ),
                    begin="BEGIN IMMEDIATE",
                )
            )

    def own(self) -> None:
        """Lock the SQLite file for this process until `close`; PostgreSQL needs no lock.

        Raises `AlreadyRunning` when another process has it.
        """
        if self.shared:
            return
        lock = self._file_lock()
        try:
            # Whoever asks whether it `is_owned` holds it for an instant.
            lock.acquire(timeout=_INSTANT, poll_interval=_INSTANT / 4)
        except Timeout:
            raise AlreadyRunning(Sentence("database.owned", file=self.url.database)) from None
        self._lock = lock

    def is_owned(self) -> bool:
        """Whether a process has the SQLite file. Opens files, so it is not for the event loop."""
        try:
            with self._file_lock().acquire(timeout=0):
                return False
        except OSError:  # also where the lock is another account's
            return True

    def has_its_file(self) -> bool:
        """Whether the SQLite file is the one that was opened; what is written into one that was removed is lost.

        Looks at a file, so it is not for the event loop.
        """
        return self._identity == (None if self.shared else _identity_of(Path(self.url.database or "")))

    def _file_lock(self) -> FileLock:
        # Not for one thread alone: files are not opened and closed on the event loop.
        return FileLock(f"{self.url.database}.lock", thread_local=False)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection for reading. Raises `DatabaseAway` while the database is away."""
        async with _telling_absence(self._readers.connect()) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction; it is committed at the end, or undone on an error. Raises as `read` does."""
        async with nullcontext() if self.shared else self._writing, _telling_absence(self._writers.begin()) as opened:
            yield opened

    async def transact(self, work: Callable[[Connection], Got]) -> Got:
        """Run `work`, which is synchronous, in one transaction, as `write` does.

        On SQLite it runs in a thread, on PostgreSQL on the event loop, which goes on while a statement is under way.
        Raises as `read` does.
        """
        if self._whole is None:
            async with self.write() as connection:
                return await connection.run_sync(work)
        async with self._writing:
            try:
                return await self._whole.run(work)
            except Exception as error:
                if (away := absence(error, connected=True)) is not None:
                    raise away from error
                raise

    async def empty_log(self) -> bool:
        """Move SQLite's write-ahead log into the database and cut it to nothing, so that it keeps nothing deleted.

        Return whether that was done: it is not while another connection reads or writes. PostgreSQL has no such file
        of ours.
        """
        if self.shared:
            return True
        async with self._writing:
            return await asyncio.to_thread(sqlite.empty_log, self.url.database or "")

    async def close(self) -> None:
        """Close every connection, and of the file."""
        if self._whole is not None:
            await self._whole.close()
        await self._writers.dispose()
        await self._readers.dispose()
        if self._lock is not None:
            await asyncio.to_thread(self._lock.release)
            self._lock = None


@asynccontextmanager
async def _telling_absence(opening: AbstractAsyncContextManager[AsyncConnection]) -> AsyncIterator[AsyncConnection]:
    """Open a connection, and raise `DatabaseAway` for what drivers raise when the database is away."""
    connected = False
    try:
        async with opening as connection:
            connected = True
            yield connection
    except Exception as error:
        if (away := absence(error, connected=connected)) is not None:
            raise away from error
        raise


def _identity_of(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def open_database(url: str, *, pool_size: int = POOL_SIZE) -> Database:
    """Open a database by its URL, with at most `pool_size` connections to PostgreSQL.

    Makes a folder, so it is not for the event loop. Raises `SettingsInvalid` as `read_url` does, and for a
    certificate that is not there.
    """
    parsed = read_url(url)
    check_files(parsed)
    return Database(parsed, pool_size=pool_size)


def _sqlite(url: URL, *, pool_size: int, begin: str) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_reset_on_return="rollback" if begin else None,
        # Set once for a connection, not at each use: that alone was half of what a statement cost.
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=not begin,
        json_serializer=_as_json,
        async_creator=partial(sqlite.connect, url.database or "", timeout=_BUSY_SECONDS),
    )

    _set_up(engine.sync_engine, begin=begin)
    return engine


def _set_up(engine: Engine, *, begin: str) -> Engine:
    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 -- the driver's own adapter
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # FULL: an accepted message survives a power cut, not only a crash.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA foreign_keys=ON")
        # What is deleted is written over: otherwise it stays to be read in free pages.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    if begin:

        @event.listens_for(engine, "begin")
        def begin_at_once(connection: Any) -> None:  # noqa: ANN401 -- as above
            connection.exec_driver_sql(begin)

    return engine
