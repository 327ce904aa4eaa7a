"""Whether it is ready is found out by writing, one at a time, and never waited for long."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from pipeline.errors import TryAgain
from storage.database.engine import Database
from storage.database.failures import DatabaseAway
from storage.monitoring.backlog import read_backlog
from storage.turns.readiness import Readiness, WriteOutcomes
from storage.turns.worker import Worker
from tests.databases import open_migrated_file
from tests.fakes.runs import ScriptedRun
from tests.storage.turns.test_worker import ZHANG, accept, said


async def test_a_write_is_tried_and_leaves_no_work(database: Database) -> None:
    worker = Worker(database, most=1)
    await worker.start(ScriptedRun(worker))
    try:
        assert "" == await worker.readiness.trouble()
        assert 0 == (await read_backlog(database)).turns
    finally:
        await worker.close()


async def test_many_who_ask_are_answered_by_one_write() -> None:
    tried = 0

    async def probe() -> None:
        nonlocal tried
        tried += 1
        await asyncio.sleep(0)

    readiness = Readiness(probe, WriteOutcomes())

    assert [""] * 50 == await asyncio.gather(*(readiness.trouble() for _ in range(50)))
    assert 1 == tried


async def test_a_write_that_hangs_is_told_in_time_and_waited_for_once() -> None:
    tried = 0
    gate = asyncio.Event()

    async def probe() -> None:
        nonlocal tried
        tried += 1
        await gate.wait()

    readiness = Readiness(probe, WriteOutcomes(), deadline=0.05)
    first = await readiness.trouble()
    again = await asyncio.gather(*(readiness.trouble() for _ in range(20)))
    gate.set()

    assert all("a write has not ended" in trouble for trouble in (first, *again))
    assert 1 == tried


async def test_what_cannot_be_written_is_told_by_its_code_and_not_kept() -> None:
    away = True

    async def probe() -> None:
        if away:
            raise TryAgain("password of 'webot' is wrong", code="28P01")

    readiness = Readiness(probe, WriteOutcomes())
    trouble = await readiness.trouble()
    away = False

    assert "a test write failed: 28P01" == trouble
    assert "" == await readiness.trouble()


async def test_writes_that_mostly_fail_are_told_though_a_small_one_passes() -> None:
    outcomes = WriteOutcomes()
    for _ in range(3):
        outcomes.note("SQLITE_FULL")
    outcomes.note()

    async def probe() -> None:
        outcomes.note()

    assert "3 of the latest 5 writes failed (SQLITE_FULL)" == await Readiness(probe, outcomes).trouble()
    for _ in range(3):
        outcomes.note()
    assert "" == outcomes.trouble


async def test_a_postgresql_that_takes_no_write_is_told(postgres: Database) -> None:
    name = postgres.url.database
    worker = Worker(postgres, most=1)
    await worker.start(ScriptedRun(worker))
    try:
        async with postgres.write() as connection:
            await connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        async with postgres.read() as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            await connection.execute(text(f"{others} AND datname = '{name}'"))
        trouble = [await worker.readiness.trouble() for _ in range(3)]
        async with postgres.write() as connection:
            await connection.execute(text("SET TRANSACTION READ WRITE"))
            await connection.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))

        assert "a test write failed: 25006" in trouble, trouble
    finally:
        await worker.close()


async def test_a_postgresql_without_room_for_a_file_is_told_though_nothing_else_is_written(postgres: Database) -> None:
    name = postgres.url.database
    worker = Worker(postgres, most=1)
    await worker.start(ScriptedRun(worker))
    try:
        ready = await worker.readiness.trouble()
        async with postgres.write() as connection:
            # There is no disk here that could be filled: this is refused at the place where a full one is.
            await connection.execute(text(f"ALTER DATABASE {name} SET temp_file_limit = '100kB'"))
        async with postgres.read() as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            await connection.execute(text(f"{others} AND datname = '{name}'"))
        trouble = [await Readiness(worker.probe, WriteOutcomes()).trouble() for _ in range(3)]

        assert "" == ready
        assert "a test write failed: 53400" in trouble, trouble
    finally:
        await worker.close()


@asynccontextmanager
async def on_sqlite(folder: Path) -> AsyncIterator[tuple[Database, Worker]]:
    database = await open_migrated_file(folder / "webot.db")
    worker = Worker(database, most=1)
    await worker.start(ScriptedRun(worker))
    try:
        yield database, worker
    finally:
        await worker.close()
        await database.close()


async def _limit(database: Database, pragma: str) -> None:
    """Have every connection that writes turns begin with a pragma."""
    assert database._whole is not None  # noqa: SLF001 -- there is no disk here that could be filled
    engine = database._whole._engine  # noqa: SLF001
    event.listen(engine, "connect", lambda connection, _: connection.execute(pragma))
    # Its connection is made anew after a failure.
    with pytest.raises((RuntimeError, DatabaseAway)):
        await database.transact(_broken)


def _broken(_: Connection) -> None:
    raise RuntimeError


async def test_a_file_that_nobody_may_write_is_told(tmp_path: Path) -> None:
    async with on_sqlite(tmp_path) as (database, worker):
        await _limit(database, "PRAGMA query_only = 1")

        assert "a test write failed: SQLITE_READONLY" == await worker.readiness.trouble()


async def test_a_full_disk_is_told_though_a_row_more_would_fit(tmp_path: Path) -> None:
    async with on_sqlite(tmp_path) as (database, worker):
        await _limit(database, "PRAGMA max_page_count = 1")
        for number in range(3):
            with pytest.raises(TryAgain, match="SQLITE_FULL"):
                await accept(worker, said(ZHANG, "x" * 100_000, key=f"{number}"))

        assert "SQLITE_FULL" in await worker.readiness.trouble()


async def test_a_file_that_another_program_holds_is_told_in_time(tmp_path: Path) -> None:
    async with on_sqlite(tmp_path) as (_, worker):
        other = sqlite3.connect(tmp_path / "webot.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        readiness = Readiness(worker.probe, WriteOutcomes(), deadline=0.2)
        trouble = await readiness.trouble()
        other.execute("ROLLBACK")
        other.close()

        assert "a write has not ended" in trouble


async def test_what_waits_is_counted_with_its_age(database: Database) -> None:
    worker = Worker(database, most=1)
    run = ScriptedRun(worker)
    await worker.start(run)
    try:
        await accept(worker, said(ZHANG, "hold"))
        await accept(worker, said(ZHANG, "second"))
        backlog = await read_backlog(database)
        run.gate.set()
        await run.until_sent(2)

        assert 2 == backlog.turns
        assert 0 <= backlog.oldest < 60
    finally:
        await worker.close()


async def test_people_whose_answers_are_all_refused_are_told_until_one_is_recorded() -> None:
    outcomes = WriteOutcomes()
    for lane in ("a", "a", "a", "b"):
        outcomes.note_answer(lane, "42703")
    assert "" == outcomes.trouble
    outcomes.note_answer("c", "42703")
    assert "answers cannot be recorded (42703)" == outcomes.trouble
    outcomes.note_answer()
    assert "" == outcomes.trouble


async def test_a_write_is_tried_that_is_as_large_as_an_event(tmp_path: Path) -> None:
    async with on_sqlite(tmp_path) as (_, worker):
        log = tmp_path / "webot.db-wal"
        before = log.stat().st_size
        assert "" == await worker.readiness.trouble()

        assert 30_000 < log.stat().st_size - before
