"""SQLite in fewer steps: each statement is one visit to its connection's thread, or a whole transaction is.

aiosqlite makes a visit each for the cursor, the statement, its rows and the end; visits are most of what a statement
costs. The rows are all fetched at once, as SQLAlchemy does anyhow.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Self, TypeVar

import aiosqlite
from sqlalchemy import Engine
from sqlalchemy.engine import Connection as SyncConnection

Got = TypeVar("Got")

_CHECKPOINT_SECONDS = 0.2


class Connection(aiosqlite.Connection):
    """A connection whose cursors are SQLAlchemy's alone: they do what its adapter asks of them and no more."""

    def cursor(self) -> "Cursor":  # type: ignore[override] # a visit less is the point
        """Return a cursor, without a visit."""
        return Cursor(self)

    async def run_statement(
        self, sql: str, parameters: Sequence[Any], *, many: bool
    ) -> tuple[sqlite3.Cursor, Sequence[Any]]:
        """Run a statement in the connection's thread; returns its closed cursor, and its rows."""
        return await self._execute(_run, self._conn, sql, parameters, many)  # type: ignore[no-any-return, no-untyped-call]


class Cursor:
    """The part of aiosqlite's cursor that SQLAlchemy uses."""

    arraysize = 1
    description: Any = None
    rowcount = -1
    lastrowid: int | None = None

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: Sequence[Any] = ()

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        """Run a statement and keep its rows."""
        return self._took(*await self._connection.run_statement(sql, parameters, many=False))

    async def executemany(self, sql: str, parameters: Sequence[Any]) -> Self:
        """Run a statement for each set of parameters."""
        return self._took(*await self._connection.run_statement(sql, parameters, many=True))

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows."""
        return self._rows

    async def close(self) -> None:
        """Do nothing: the thread closed it."""

    def _took(self, cursor: sqlite3.Cursor, rows: Sequence[Any]) -> Self:
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        self._rows = rows
        return self


class ThreadTransactions:
    """A thread with a connection of its own, in which transactions run from their begin to their commit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite-writer")

    async def run(self, work: Callable[[SyncConnection], Got]) -> Got:
        """Run `work` in the thread, between a begin and a commit."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=False)

    def _transact(self, work: Callable[[SyncConnection], Got]) -> Got:
        with self._engine.connect() as connection:
            try:
                with connection.begin():
                    return work(connection)
            except BaseException:
                # Whatever it left behind, a lock or an old view of the file, goes with the connection.
                connection.invalidate()
                raise


def _decoded(value: bytes) -> str:
    return value.decode(errors="replace")


class EagerCursor(sqlite3.Cursor):
    """A cursor that has fetched its rows when a statement returns: one half read keeps its snapshot of the file.

    SQLAlchemy reads a row at a time where it is asked to, and an error between two rows would leave the rest.
    """

    _rows: list[Any]

    def execute(self, *arguments: Any) -> Self:  # noqa: ANN401 -- sqlite3's own
        """Run a statement and fetch all its rows."""
        super().execute(*arguments)
        self._rows = super().fetchall() if self.description else []
        self._rows.reverse()
        return self

    def fetchone(self) -> Any:  # noqa: ANN401 -- as above
        """Return the next row, None after the last."""
        return self._rows.pop() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows."""
        return [self._rows.pop() for _ in range(min(size or self.arraysize, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        rows, self._rows = self._rows[::-1], []
        return rows


class LenientConnection(sqlite3.Connection):
    """A connection that reads any bytes: SQLite keeps them, and one value that is no text must not hide the others."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 -- sqlite3's own
        super().__init__(*arguments, **options)
        self.text_factory = _decoded


class EagerConnection(LenientConnection):
    """Such a connection whose cursors are `EagerCursor`s."""

    def cursor(self, factory: type[sqlite3.Cursor] = EagerCursor) -> sqlite3.Cursor:  # type: ignore[override]
        """Return a new cursor."""
        return super().cursor(factory)


async def connect(path: str, *, timeout: float) -> Connection:  # noqa: ASYNC109 -- SQLite's own, for a lock
    """Open a connection; `timeout` is how long it waits for a lock, in seconds."""

    def connector() -> sqlite3.Connection:
        # SQLAlchemy looks at the isolation level from outside the thread.
        return sqlite3.connect(path, timeout=timeout, check_same_thread=False, factory=LenientConnection)

    connection = Connection(connector, iter_chunk_size=1)
    await connection
    return connection


def empty_log(path: str) -> bool:
    """Checkpoint the write-ahead log and cut it to nothing; return whether it is empty. Not for the event loop."""
    try:
        # Not long: who writes waits meanwhile.
        with closing(sqlite3.connect(path, timeout=_CHECKPOINT_SECONDS, isolation_level=None)) as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError:
        return False
    return not busy


def _run(
    connection: sqlite3.Connection,
    sql: str,
    parameters: Sequence[Any],
    many: bool,  # noqa: FBT001 -- by place only
) -> tuple[sqlite3.Cursor, Sequence[Any]]:
    cursor = connection.executemany(sql, parameters) if many else connection.execute(sql, parameters)
    rows = cursor.fetchall() if cursor.description else ()
    cursor.close()
    return cursor, rows
