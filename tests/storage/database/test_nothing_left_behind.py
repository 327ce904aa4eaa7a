"""What a process asks of its database: no more connections than it was given, and nothing kept by what failed."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, Result, text

from storage.database.engine import Database, open_database

_STOPPED = "stopped in the midst of it"
_CONNECTIONS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")


@pytest.mark.parametrize("pool_size", [2, 5, 9])
async def test_a_process_has_as_many_connections_as_its_pool_however_many_ask(
    postgres: Database, pool_size: int
) -> None:
    crowded = Database(postgres.url, pool_size=pool_size)

    async def ask(number: int) -> int:
        async with (crowded.write if number % 2 else crowded.read)() as connection:
            return int((await connection.execute(_CONNECTIONS)).scalar_one())

    async with postgres.read() as watching:
        before = int((await watching.execute(_CONNECTIONS)).scalar_one())
    found = await asyncio.gather(*map(ask, range(60)))
    found += await asyncio.gather(*map(ask, range(60)))
    await crowded.close()

    assert pool_size == max(found) - before


def stop_in_reading(connection: Connection, kept: list[Result[tuple[int]]]) -> None:
    """Fail between two of many rows, with the cursor still in somebody's hands."""
    rows = connection.execute(text("SELECT id FROM many ORDER BY id"))
    kept.append(rows)
    rows.fetchone()
    raise LookupError(_STOPPED)


def stop_in_writing(connection: Connection, kept: list[Result[tuple[int]]]) -> None:
    """Fail after a row was written, in the midst of reading it back."""
    rows = connection.execute(text("INSERT INTO many SELECT id + 100000 FROM many RETURNING id"))
    kept.append(rows)
    rows.fetchone()
    raise LookupError(_STOPPED)


@pytest.mark.parametrize("stop", [stop_in_reading, stop_in_writing])
async def test_a_transaction_that_failed_keeps_neither_lock_nor_view_of_the_file(
    tmp_path: Path, stop: Callable[[Connection, list[Result[tuple[int]]]], None]
) -> None:
    file = tmp_path / "webot.db"
    database = await asyncio.to_thread(open_database, f"sqlite+aiosqlite:///{file}")
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE many (id INTEGER PRIMARY KEY)"))
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n"
        await connection.execute(text(f"INSERT INTO many {numbers}"))
    kept: list[Result[tuple[int]]] = []
    with pytest.raises(LookupError, match=_STOPPED) as failed:
        await database.transact(lambda connection: stop(connection, kept))

    def look() -> tuple[int, tuple[int, int, int]]:
        with sqlite3.connect(file, timeout=0) as other:
            other.execute("INSERT INTO many VALUES (0)")
        found = other.execute("SELECT count(*) FROM many").fetchone()[0]
        log = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        other.close()
        return found, log

    found, log = await asyncio.to_thread(look)
    await database.close()

    assert _STOPPED == str(failed.value)
    assert kept
    assert (1001, (0, 0, 0)) == (found, log)
