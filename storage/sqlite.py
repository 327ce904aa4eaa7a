"""SQLite in fewer steps: each statement is one visit to its connection's thread.

aiosqlite makes a visit each for the cursor, the statement, its rows and the end; visits are most of what a statement
costs. The rows are all fetched at once, as SQLAlchemy does anyhow.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Self

import aiosqlite


class Connection(aiosqlite.Connection):
    """A connection whose cursors are SQLAlchemy's alone: they do what its adapter asks of them and no more."""

    def cursor(self) -> "Cursor":  # type: ignore[override] # a visit less is the point
        """Give a cursor, without a visit."""
        return Cursor(self)

    async def visit(self, sql: str, parameters: Sequence[Any], *, many: bool) -> tuple[sqlite3.Cursor, Sequence[Any]]:
        """Run a statement in the connection's thread; gives its closed cursor, and its rows."""
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
        return self._took(*await self._connection.visit(sql, parameters, many=False))

    async def executemany(self, sql: str, parameters: Sequence[Any]) -> Self:
        """Run a statement for each set of parameters."""
        return self._took(*await self._connection.visit(sql, parameters, many=True))

    async def fetchall(self) -> Sequence[Any]:
        """Give the rows."""
        return self._rows

    async def close(self) -> None:
        """Do nothing: the thread closed it."""

    def _took(self, cursor: sqlite3.Cursor, rows: Sequence[Any]) -> Self:
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        self._rows = rows
        return self


async def connect(path: str, *, timeout: float) -> Connection:  # noqa: ASYNC109 -- SQLite's own, for a lock
    """Open a connection; `timeout` is how long it waits for a lock, in seconds."""

    def connector() -> sqlite3.Connection:
        # SQLAlchemy looks at the isolation level from outside the thread.
        return sqlite3.connect(path, timeout=timeout, check_same_thread=False)

    connection = Connection(connector, iter_chunk_size=1)
    await connection
    return connection


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
