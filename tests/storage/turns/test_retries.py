"""Turns that failed, listed and run again, on a real SQLite and a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from pipeline.answer import Outcome
from pipeline.errors import SettingsInvalid
from pipeline.events import InboundEvent, Person, Text
from pipeline.lanes import lane_of
from pipeline.replies import Receipt, TextPart
from pipeline.turn_state import (
    Finished,
    Turn,
    Verdict,
)
from storage.database.access import DatabaseUnusable, NoDatabase, SchemaOutdated, examine, open_for_cli
from storage.database.engine import Database, open_database
from storage.monitoring.views import count_turns, find_turn, last_accepted, list_turns
from storage.turns.retries import LedgerRequeuer, Retried, retry, retry_all
from storage.turns.worker import Worker

ZHANG = Person("wecom", "张三")
PARTS = [TextPart("one", "text"), TextPart("two", "text")]


class Ailing:
    """Runs turns that fail, or whose second message cannot be delivered, until it is well."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.well = False
        self.done: list[tuple[int, tuple[str, ...]]] = []
        """The messages sent for each turn that ended, by the turn's id."""
        self.ended = asyncio.Condition()

    async def __call__(self, turn: Turn) -> Verdict:
        verdict = await self._run(turn)
        async with self.ended:
            self.ended.notify_all()
        return verdict

    async def _run(self, turn: Turn) -> Verdict:
        assert isinstance(turn.event.content, Text)
        if turn.event.content.text == "fail" and not self.well:
            self.done.append((turn.id, ()))
            return Finished("failed", reason="the model is away")
        if turn.parts is None:
            turn = await self._worker.answered(turn, Outcome(()), PARTS)
        assert turn.parts
        parts = turn.parts
        sent = tuple(part.part.text for part in parts if isinstance(part.part, TextPart))
        if self.well:
            self.done.append((turn.id, sent))
            return Finished("done", (parts[-1], Receipt("m2")))
        await self._worker.sent(turn, parts[0], Receipt("m1"))
        self.done.append((turn.id, sent[:1]))
        return Finished("undelivered", reason="WeCom says 60111")

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30), self.ended:
            await self.ended.wait_for(lambda: len(self.done) >= count)


@asynccontextmanager
async def working(database: Database) -> AsyncIterator[tuple[Worker, Ailing]]:
    worker = Worker(database, most=10, lease_seconds=3.0)
    run = Ailing(worker)
    await worker.start(run)
    try:
        yield worker, run
    finally:
        await worker.close()


async def ail(worker: Worker, run: Ailing, *texts: str) -> None:
    for number, text in enumerate(texts):
        event = InboundEvent(f"k{number}", ZHANG, Text(text), datetime(2026, 11, 22, tzinfo=UTC))
        await worker.accept(event, lane=lane_of(ZHANG))
    await run.until(len(texts))


async def test_a_failed_turn_is_answered_afresh_and_of_an_undelivered_one_the_rest_goes_out(database: Database) -> None:
    async with working(database) as (worker, run):
        await ail(worker, run, "fail", "hello")
    async with working(database) as (worker, run):
        run.well = True
        retried = await retry(database, worker, [1, 2])
        await run.until(2)

        assert [Retried(1, "afresh"), Retried(2, "resent")] == retried
        assert [(1, ("one", "two")), (2, ("two",))] == run.done


async def test_what_has_not_failed_is_left_alone(database: Database) -> None:
    async with working(database) as (worker, run):
        run.well = True
        await ail(worker, run, "hello")
    async with working(database) as (worker, _):
        retried = await retry(database, worker, [1, 7])

        assert [Retried(1, "not_failed"), Retried(7, "unknown")] == retried


async def test_all_that_failed_runs_again_without_a_worker_and_waits_for_one(database: Database) -> None:
    async with working(database) as (worker, run):
        await ail(worker, run, "fail", "hello", "fail")
    retried = await retry_all(database, LedgerRequeuer(database))
    waiting = await count_turns(database, "waiting")
    async with working(database) as (_, run):
        run.well = True
        await run.until(3)

    assert [Retried(1, "afresh"), Retried(2, "resent"), Retried(3, "afresh")] == retried
    assert 3 == waiting
    assert 0 == await count_turns(database, "failed")


async def test_a_turn_shows_everything_that_is_kept_of_it(database: Database) -> None:
    async with working(database) as (worker, run):
        await ail(worker, run, "hello")
    found = await find_turn(database, 1)
    (listed,) = await list_turns(database, "failed")

    assert found is not None
    assert ("undelivered", "WeCom says 60111", 2, 1) == (
        found.turn.state,
        found.turn.reason,
        found.turn.parts,
        found.turn.sent,
    )
    assert found.turn == listed
    assert Text("hello") == found.content
    assert [("sent", "m1"), ("failed", "")] == [(part.state, part.message_id) for part in found.parts]
    assert PARTS == [part.part for part in found.parts]
    assert await last_accepted(database, "wecom") == found.turn.accepted_at
    assert await find_turn(database, 2) is None
    assert await last_accepted(database, "hr") is None


async def test_a_visit_finds_the_database_as_it_is(database_url: str, database: Database) -> None:
    condition = await examine(database_url)
    async with open_for_cli(database_url) as visited:
        waiting = await count_turns(visited, "waiting")

    assert (database.shared, True, condition.expected) == (condition.shared, condition.exists, condition.version)
    assert 0 == waiting


@pytest.mark.usefixtures("no_schema")
async def test_a_visit_refuses_a_schema_that_is_not_this_versions(database_url: str) -> None:
    opened = await asyncio.to_thread(open_database, database_url)
    async with opened.read() as connection:
        assert not connection.closed
    await opened.close()

    with pytest.raises(SchemaOutdated, match="webot migrate"):
        async with open_for_cli(database_url):
            pass

    assert "" == (await examine(database_url)).version


async def test_a_visit_makes_no_file_where_there_was_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("empty")
    url = f"sqlite:///{folder}/data/webot.db"

    with pytest.raises(NoDatabase, match="when it first starts"):
        async with open_for_cli(url):
            pass

    assert not (await examine(url)).exists
    assert [] == list(folder.iterdir())


async def test_a_database_that_is_away_is_told_in_one_line_without_its_password() -> None:
    with pytest.raises(DatabaseUnusable) as caught:
        await examine("postgresql://webot:opensesame@127.0.0.1:9/webot")

    assert "\n" not in str(caught.value)
    assert "opensesame" not in str(caught.value)
    assert "the connection was refused" in str(caught.value)


async def test_what_is_no_database_url_is_told_as_that() -> None:
    with pytest.raises(SettingsInvalid, match="not a database URL"):
        await examine("no url at all")
