"""What each error of a real database means: it is away, it refuses the data, or it is damaged."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.text.i18n import Catalogue, in_language
from storage.database.engine import Database
from storage.database.failures import Meaning, failure_sentence, read_failure
from storage.database.tables import inbox, legacy_imports, spending

SPENT = {"person": "p", "day": 1, "chain": "c", "answers": 1, "input_tokens": 1, "output_tokens": 1, "cost": 1}
ROW = {"lane": "", "channel": "", "user": "", "content": "", "sent_at": 1.0, "accepted_at": 1.0}


async def failing(database: Database, work: Callable[[AsyncConnection], Awaitable[Any]]) -> tuple[Meaning, str]:
    with pytest.raises(Exception) as caught:  # noqa: PT011 -- every kind there is
        async with database.write() as connection:
            await work(connection)
    failure = read_failure(caught.value)
    assert "秘密" not in str(failure)
    return failure.meaning, failure.code


@pytest.mark.parametrize(
    ("statement", "values", "code"),
    [
        pytest.param(insert(legacy_imports), {"key": "秘密\0", "at": 1.0}, "22021", id="a NUL character"),
        pytest.param(insert(legacy_imports), {"key": "秘密\ud800", "at": 1.0}, "22000", id="half a surrogate pair"),
        pytest.param(insert(legacy_imports), {"key": "秘密", "at": 10**400}, "22000", id="a number without end"),
        pytest.param(insert(inbox), ROW | {"key": "秘密", "n": 2**70}, "22000", id="a number out of range"),
        pytest.param(
            insert(legacy_imports), {"key": "秘密", "at": None}, "23502", id="nothing where something must be"
        ),
        pytest.param(text("SELECT nosuch FROM inbox"), {}, "42703", id="a column that was renamed"),
        pytest.param(text("SELECT nosuch(1)"), {}, "42883", id="a function that is not there"),
    ],
)
async def test_postgresql_refuses_data(postgres: Database, statement: Any, values: Any, code: str) -> None:  # noqa: ANN401
    assert (Meaning.DATA, code) == await failing(postgres, lambda connection: connection.execute(statement, values))


async def test_an_index_that_takes_no_longer_value_is_no_absence(postgres: Database) -> None:
    long = "".join(chr(0x4E00 + number * 37 % 20000) for number in range(300_000))
    wanted = insert(spending).values(**SPENT, model=long)

    assert (Meaning.DATA, "54000") == await failing(postgres, lambda connection: connection.execute(wanted))


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        pytest.param(("SET LOCAL statement_timeout = 1", "SELECT pg_sleep(1)"), "57014", id="a statement's time is up"),
        pytest.param(("SELECT pg_terminate_backend(pg_backend_pid())",), "08003", id="the session was ended"),
        pytest.param(("SET TRANSACTION READ ONLY", "CREATE TABLE t (a int)"), "25006", id="nothing may be written"),
    ],
)
async def test_postgresql_is_away(postgres: Database, statements: tuple[str, ...], code: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        for statement in statements:
            await connection.execute(text(statement))

    assert (Meaning.AWAY, code) == await failing(postgres, work)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        pytest.param(ConnectionRefusedError(111, "refused"), Meaning.AWAY, id="nobody listens"),
        pytest.param(TimeoutError(), Meaning.AWAY, id="no answer in time"),
        pytest.param(asyncpg.InterfaceError("connection is closed"), Meaning.AWAY, id="a closed connection"),
        pytest.param(asyncpg.CannotConnectNowError("starting up"), Meaning.AWAY, id="a server that starts"),
        pytest.param(asyncpg.TooManyConnectionsError("too many"), Meaning.AWAY, id="no connection to be had"),
        pytest.param(asyncpg.DiskFullError("full"), Meaning.AWAY, id="a full disk"),
        pytest.param(asyncpg.DeadlockDetectedError("deadlock"), Meaning.AWAY, id="a deadlock"),
        pytest.param(asyncpg.DataCorruptedError("bad"), Meaning.DAMAGED, id="a damaged page"),
        pytest.param(asyncpg.InvalidCachedStatementError("stale"), Meaning.AWAY, id="a plan that is stale"),
        pytest.param(KeyError("秘密"), Meaning.DATA, id="a bug"),
    ],
)
def test_what_other_errors_mean(error: Exception, meaning: Meaning) -> None:
    assert meaning is read_failure(error).meaning
    assert meaning is read_failure(DBAPIError("SELECT 1", {}, error)).meaning or not hasattr(error, "sqlstate")


def sqlite(folder: Path, work: Callable[[sqlite3.Connection], object]) -> tuple[Meaning, str]:
    connection = sqlite3.connect(folder / "a.db", timeout=0, isolation_level=None)
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b TEXT NOT NULL)")
        with pytest.raises((sqlite3.Error, OverflowError, UnicodeError)) as caught:
            work(connection)
    finally:
        connection.close()
    failure = read_failure(caught.value)
    return failure.meaning, failure.code


@pytest.mark.parametrize(
    ("work", "code"),
    [
        pytest.param(lambda c: c.execute("INSERT INTO t VALUES (1, NULL)"), "SQLITE_CONSTRAINT_NOTNULL", id="NULL"),
        pytest.param(lambda c: c.execute("INSERT INTO t VALUES ('a', 'b')"), "SQLITE_MISMATCH", id="a wrong type"),
        pytest.param(lambda c: c.execute("SELECT nosuch FROM t"), "SQLITE_ERROR", id="a renamed column"),
        pytest.param(lambda c: c.execute("SELECT zeroblob(2000000000)"), "SQLITE_TOOBIG", id="too long"),
        pytest.param(lambda c: c.execute("SELECT ?", (2**70,)), "OverflowError", id="a number out of range"),
        pytest.param(lambda c: c.execute("SELECT ?", ("\ud800",)), "UnicodeEncodeError", id="half a pair"),
        pytest.param(
            lambda c: c.execute("SELECT CAST(x'ff' AS TEXT)").fetchall(),
            "OperationalError",
            id="bytes that are no text",
        ),
    ],
)
def test_sqlite_refuses_data(tmp_path: Path, work: Callable[[sqlite3.Connection], object], code: str) -> None:
    assert (Meaning.DATA, code) == sqlite(tmp_path, work)


def test_sqlite_is_away_while_another_holds_the_file(tmp_path: Path) -> None:
    def work(connection: sqlite3.Connection) -> None:
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        try:
            other.execute("BEGIN EXCLUSIVE")
            connection.execute("INSERT INTO t VALUES (1, 'b')")
        finally:
            other.close()

    assert (Meaning.AWAY, "SQLITE_BUSY") == sqlite(tmp_path, work)


def test_sqlite_is_away_while_nothing_may_be_written(tmp_path: Path) -> None:
    def full(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("INSERT INTO t VALUES (1, zeroblob(100000))")

    def readonly(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA query_only = 1")
        connection.execute("INSERT INTO t VALUES (1, 'b')")

    assert (Meaning.AWAY, "SQLITE_FULL") == sqlite(tmp_path, full)
    assert (Meaning.AWAY, "SQLITE_READONLY") == sqlite(tmp_path, readonly)


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "b.db").write_bytes(b"no database " * 1000)
    connection = sqlite3.connect(tmp_path / "b.db")
    with pytest.raises(sqlite3.DatabaseError) as caught:
        connection.execute("SELECT 1 FROM sqlite_master")
    connection.close()

    assert Meaning.DAMAGED is read_failure(caught.value).meaning


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(
            sqlite3.DatabaseError("file is not a database"), "（file is not a database）", id="the driver's words"
        ),
        pytest.param(ConnectionRefusedError(111, "refused"), "连接被拒绝", id="nobody listens"),
        pytest.param(asyncpg.InvalidPasswordError("wrong for you"), "不接受这个用户或密码", id="a wrong password"),
        pytest.param(asyncpg.TooManyConnectionsError("sorry"), "连接数已满", id="no connection left"),
        pytest.param(asyncpg.InterfaceError("odd"), "（odd）", id="a fault of the driver"),
    ],
)
def test_people_are_told_what_to_do_and_no_name_of_a_class(error: Exception, said: str) -> None:
    shown = in_language(failure_sentence(error), Catalogue("zh"))

    assert said in shown
    assert type(error).__name__ not in shown
