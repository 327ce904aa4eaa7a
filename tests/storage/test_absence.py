"""What drivers raise while the database is away is told as that, at every door; a turn it meets is put off."""

import asyncio
import errno
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from structlog.testing import capture_logs

from pipeline.answer import Outcome, Step
from pipeline.events import InboundEvent, Person, Text
from pipeline.lanes import lane_of
from pipeline.ports import AnswerRequest
from pipeline.replies import TextReply
from pipeline.settings import Limits
from pipeline.text.i18n import Catalogue
from pipeline.turn import Turns
from storage.database.engine import Database, open_database
from storage.database.failures import DatabaseAway, absence, read_failure
from storage.turns.worker import Worker
from tests.fakes.turns import FakeAnswerer, FakeChannel

ZH = Catalogue("zh")
ZHANG = Person("fake", "张三")
END_MY_SESSION = text("SELECT pg_terminate_backend(pg_backend_pid())")


def of_sqlite(code: int, name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(name)
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(asyncpg.AdminShutdownError("57P01"), "blameless", id="the server is stopped"),
        pytest.param(asyncpg.CrashShutdownError("57P02"), "blameless", id="a server process crashed"),
        pytest.param(asyncpg.CannotConnectNowError("57P03"), "blameless", id="the server starts"),
        pytest.param(asyncpg.ConnectionDoesNotExistError("08003"), "blameless", id="closed in mid-operation"),
        pytest.param(asyncpg.ConnectionFailureError("08006"), "blameless", id="the connection failed"),
        pytest.param(asyncpg.TooManyConnectionsError("53300"), "blameless", id="no connection to be had"),
        pytest.param(asyncpg.InterfaceError("connection is closed"), "blameless", id="a closed connection"),
        pytest.param(
            asyncpg.InternalClientError("got result for unknown protocol state"), "blameless", id="out of step"
        ),
        pytest.param(ConnectionResetError(104, "reset"), "blameless", id="a connection reset"),
        pytest.param(BrokenPipeError(32, "broken"), "blameless", id="a broken pipe"),
        pytest.param(PoolTimeout("QueuePool limit"), "blameless", id="a pool with none left"),
        pytest.param(of_sqlite(sqlite3.SQLITE_BUSY, "SQLITE_BUSY"), "blameless", id="a locked file"),
        pytest.param(TimeoutError(), "counted", id="a statement without an answer"),
        pytest.param(asyncpg.QueryCanceledError("57014"), "counted", id="a statement that took too long"),
        pytest.param(asyncpg.DeadlockDetectedError("40P01"), "counted", id="a deadlock"),
        pytest.param(asyncpg.DiskFullError("53100"), "counted", id="a full disk"),
        pytest.param(of_sqlite(sqlite3.SQLITE_IOERR, "SQLITE_IOERR"), "counted", id="a disk that fails"),
        pytest.param(asyncpg.UndefinedColumnError("42703"), "", id="a renamed column"),
        pytest.param(asyncpg.DataError("invalid input for query argument"), "", id="a value it cannot take"),
        pytest.param(asyncpg.DataCorruptedError("XX001"), "", id="a damaged page"),
        pytest.param(of_sqlite(sqlite3.SQLITE_CORRUPT, "SQLITE_CORRUPT"), "", id="a damaged file"),
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), "", id="a file of the work's own"),
        pytest.param(ValueError("a bug"), "", id="a bug"),
    ],
)
def test_whether_an_error_is_absence_is_told_also_in_sqlalchemys_wrapping(error: Exception, expected: str) -> None:
    wrapped = [DBAPIError("SELECT 1", {}, error)] if isinstance(error, (asyncpg.PostgresError, sqlite3.Error)) else []
    for each in (error, *wrapped):
        away = absence(each, connected=True)

        assert expected == ("" if away is None else "blameless" if away.blameless else "counted")
        if away is not None:
            assert read_failure(each) == read_failure(away) == away.failure
            assert f"the database is away ({away.failure})" == str(away)


def test_while_there_is_no_connection_yet_every_error_of_a_socket_is_absence() -> None:
    error = FileNotFoundError(errno.ENOENT, "No such file or directory")

    assert absence(error, connected=True) is None
    assert absence(error, connected=False) is not None


async def by_reading(database: Database) -> None:
    async with database.read() as connection:
        await connection.execute(END_MY_SESSION)


async def by_writing(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(END_MY_SESSION)


async def by_transacting(database: Database) -> None:
    await database.transact(lambda connection: connection.execute(END_MY_SESSION))


@pytest.mark.parametrize("work", [by_reading, by_writing, by_transacting])
async def test_every_door_of_postgresql_tells_absence(
    postgres: Database, work: Callable[[Database], Awaitable[None]]
) -> None:
    with pytest.raises(DatabaseAway) as caught:
        await work(postgres)
    async with postgres.read() as connection:
        back = (await connection.execute(text("SELECT 1"))).scalar_one()

    assert caught.value.blameless
    assert "08003" == caught.value.code
    assert 1 == back


async def test_a_server_that_is_not_there_is_absence(tmp_path: Path) -> None:
    database = await asyncio.to_thread(open_database, f"postgresql://webot@/webot?host={tmp_path}")
    with pytest.raises(DatabaseAway, match="FileNotFoundError"):
        await by_reading(database)
    await database.close()


async def test_what_the_work_itself_raises_stays_as_it_is(database: Database) -> None:
    for error in (OSError(errno.ENOSPC, "No space left on device"), ValueError("a bug")):
        with pytest.raises(type(error)) as caught:
            async with database.read():
                raise error
        assert caught.value is error


class InterruptedReader(FakeAnswerer):
    """Reads before it answers; the first time the server ends the session meanwhile."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    async def answer(self, ask: AnswerRequest) -> AsyncGenerator[Step, None]:
        self.asked.append(ask)
        async with self._database.read() as connection:
            if len(self.asked) == 1:
                await connection.execute(END_MY_SESSION)
            await connection.execute(text("SELECT 1"))
        yield Outcome((TextReply("好"),))


async def test_a_turn_whose_reading_meets_an_absence_is_put_off_and_answered_however_few_attempts_it_has(
    postgres: Database,
) -> None:
    channel, answerer = FakeChannel(), InterruptedReader(postgres)
    limits = Limits(turn_attempts=1)
    worker = Worker(postgres, most=1, turn_attempts=limits.turn_attempts)
    turns = Turns(
        channels={"fake": channel},
        chains={"fake": "default"},
        answerer=answerer,
        guards=(),
        journal=worker,
        catalogue=ZH,
        limits=limits,
        thinking_seconds=0.0,
    )
    with capture_logs() as logged:
        await worker.start(turns.run)
        try:
            said = InboundEvent("k", ZHANG, Text("你好"), datetime(2026, 11, 22, tzinfo=UTC))
            await worker.accept(said, lane=lane_of(ZHANG))
            async with asyncio.timeout(30):
                await channel.sending.wait()
        finally:
            await worker.close()

    assert ["好"] == channel.sent
    assert 2 == len(answerer.asked)
    assert "answer_postponed" in [line["event"] for line in logged]
    assert not {"answer_broke", "answer_failed"} & {line["event"] for line in logged}
