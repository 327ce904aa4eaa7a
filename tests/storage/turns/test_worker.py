"""Durable turns, on a real SQLite and a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from pipeline.errors import TryAgain
from pipeline.events import InboundEvent, Person, Text
from pipeline.lanes import lane_of
from storage.database.engine import Database, open_database
from storage.monitoring.views import list_turns
from storage.turns.worker import Worker
from tests.fakes.pgbouncer import pgbouncer
from tests.fakes.runs import ScriptedRun

ZHANG = Person("wecom", "张三")
LI = Person("wecom", "lisi")


def said(person: Person, text: str, key: str = "") -> InboundEvent:
    return InboundEvent(key or f"{person}/{text}", person, Text(text), datetime(2026, 11, 22, tzinfo=UTC))


async def accept(worker: Worker, event: InboundEvent) -> bool:
    return await worker.accept(event, lane=lane_of(event.sender))


@asynccontextmanager
async def working(
    database: Database,
    *,
    most: int = 100,
    drain_seconds: float = 5.0,
    lease_seconds: float = 3.0,
    beside: ScriptedRun | None = None,
) -> AsyncIterator[tuple[Worker, ScriptedRun]]:
    worker = Worker(database, most=most, drain_seconds=drain_seconds, lease_seconds=lease_seconds)
    run = ScriptedRun(worker, beside)
    await worker.start(run)
    try:
        yield worker, run
    finally:
        await worker.close()


async def test_an_accepted_message_is_answered_once(database: Database) -> None:
    async with working(database) as (worker, run):
        assert await accept(worker, said(ZHANG, "你好"))
        await run.until_sent(1)

        assert ["你好"] == run.sent["wecom/张三"]


async def test_a_message_delivered_three_times_is_answered_once(database: Database) -> None:
    async with working(database) as (worker, run):
        news = await asyncio.gather(*(accept(worker, said(ZHANG, "你好", key="k")) for _ in range(3)))
        assert not await accept(worker, said(ZHANG, "你好", key="k"))
        await accept(worker, said(ZHANG, "再见"))
        await run.until_sent(2)

        assert [True, False, False] == sorted(news, reverse=True)
        assert ["你好", "再见"] == run.sent["wecom/张三"]


async def test_equal_words_are_two_messages(database: Database) -> None:
    async with working(database) as (worker, run):
        await accept(worker, said(ZHANG, "继续", key="1"))
        await accept(worker, said(ZHANG, "继续", key="2"))
        await run.until_sent(2)

        assert ["继续", "继续"] == run.sent["wecom/张三"]


async def test_one_person_is_answered_in_order_and_many_at_once(database: Database) -> None:
    people = [Person("wecom", f"u{number}") for number in range(20)]
    async with working(database) as (worker, run):
        await asyncio.gather(*(accept(worker, said(person, f"{n}")) for n in range(10) for person in people))
        await run.until_sent(200)

        assert [[f"{n}" for n in range(10)]] * 20 == [run.sent[lane_of(person)] for person in people]


async def test_no_more_turns_run_than_the_limit_allows(database: Database) -> None:
    async with working(database, most=3) as (worker, run):
        people = [Person("wecom", f"u{number}") for number in range(9)]
        await asyncio.gather(*(accept(worker, said(person, "hold")) for person in people))
        await run.until_asked(3)

        assert 3 == worker.running

        run.gate.set()
        await run.until_sent(9)


async def test_a_turn_put_off_holds_up_its_person_and_nobody_else(database: Database) -> None:
    async with working(database) as (worker, run):
        await accept(worker, said(ZHANG, "later"))
        await accept(worker, said(ZHANG, "behind"))
        await accept(worker, said(LI, "beside"))
        await run.until_sent(3)

        assert ["later", "behind"] == run.sent["wecom/张三"]
        assert ["later", "later", "behind"] == run.asked["wecom/张三"]
        assert ["beside"] == run.sent["wecom/lisi"]


async def test_stopping_ends_the_turn_that_runs_and_lets_the_next_one_go_on(database: Database) -> None:
    async with working(database) as (worker, run):
        await accept(worker, said(ZHANG, "hold"))
        await accept(worker, said(ZHANG, "next"))
        await run.until_asked(1)
        found = await worker.stop(ZHANG)
        await run.until_sent(1)

        assert found
        assert ["next"] == run.sent["wecom/张三"]


async def test_there_is_nothing_to_stop_when_nothing_runs(database: Database) -> None:
    async with working(database) as (worker, run):
        assert not await worker.stop(ZHANG)

        await accept(worker, said(ZHANG, "你好"))
        await run.until_sent(1)


async def test_what_a_stopped_service_accepted_is_answered_by_the_next(database: Database) -> None:
    async with working(database, drain_seconds=0.05) as (worker, run):
        await accept(worker, said(ZHANG, "hold"))
        await accept(worker, said(ZHANG, "second"))
        await run.until_asked(1)
        await worker.drain()
        assert await accept(worker, said(LI, "while draining"))

        assert {} == dict(run.sent)

    async with working(database) as (_, again):
        again.gate.set()
        await again.until_sent(3)

        assert ["hold", "second"] == again.sent["wecom/张三"]
        assert ["while draining"] == again.sent["wecom/lisi"]


async def test_a_person_with_many_waiting_messages_does_not_hold_up_another(database: Database) -> None:
    async with working(database, most=2) as (worker, run):
        await accept(worker, said(ZHANG, "hold"))
        await asyncio.gather(*(accept(worker, said(ZHANG, f"{n}")) for n in range(100)))
        await accept(worker, said(LI, "short"))
        await run.until_sent(1)

        assert ["short"] == run.sent["wecom/lisi"]

        run.gate.set()
        await run.until_sent(102)


async def test_a_failed_turn_can_be_run_again(database: Database) -> None:
    async with working(database) as (worker, run):
        await accept(worker, said(ZHANG, "hold"))
        await run.until_asked(1)
        await worker.stop(ZHANG)
        run.gate.set()
        await accept(worker, said(ZHANG, "next"))
        await run.until_sent(1)
        await worker.requeue(lane_of(ZHANG), 1, afresh=True)
        await run.until_sent(2)

        assert ["next", "hold"] == run.sent["wecom/张三"]


async def test_of_two_wishes_to_run_a_turn_again_one_is_granted(database: Database) -> None:
    async with working(database) as (worker, run):
        await accept(worker, said(ZHANG, "hold"))
        await run.until_asked(1)
        early = await worker.requeue(lane_of(ZHANG), 1, afresh=True)
        await worker.stop(ZHANG)
        await accept(worker, said(ZHANG, "hold me"))
        await run.until_asked(2)
        granted = await asyncio.gather(*(worker.requeue(lane_of(ZHANG), 1, afresh=True) for _ in range(2)))
        run.gate.set()
        await run.until_sent(2)
        await accept(worker, said(ZHANG, "last"))
        await run.until_sent(3)

        assert not early
        assert [False, True] == sorted(granted)
        assert ["hold me", "hold", "last"] == run.sent["wecom/张三"]


async def test_waiting_turns_are_listed(database: Database) -> None:
    async with working(database) as (worker, run):
        await accept(worker, said(ZHANG, "hold"))
        await accept(worker, said(ZHANG, "behind"))
        await run.until_asked(1)
        waiting = await list_turns(database, "waiting")
        run.gate.set()
        await run.until_sent(2)

        assert [("张三", "waiting"), ("张三", "waiting")] == [(view.user, view.state) for view in waiting]


class TestSeveralProcesses:
    """Two workers over one PostgreSQL, each with its own connections, directly and through a pooler."""

    @pytest.fixture(params=["direct", "session", "transaction"])
    def url(self, request: pytest.FixtureRequest, postgres_server: str, postgres_url: str) -> Iterator[str]:
        if request.param == "direct":
            yield postgres_url
            return
        with pgbouncer(postgres_server, request.param) as port:
            yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}/{urlsplit(postgres_url).path[1:]}"

    @pytest.fixture
    async def two(self, url: str) -> AsyncIterator[Callable[[], Database]]:
        opened: list[Database] = []

        def another() -> Database:
            opened.append(open_database(url))
            return opened[-1]

        from storage.database.migrate import migrate  # noqa: PLC0415

        await migrate(another())
        yield another
        for database in opened:
            await database.close()

    async def test_a_worker_that_died_is_followed_by_the_other(self, two: Callable[[], Database]) -> None:
        first = Worker(two(), most=10, lease_seconds=0.6, drain_seconds=0.1)
        hung = ScriptedRun(first)
        await first.start(hung)
        try:
            await accept(first, said(ZHANG, "hold"))
            await accept(first, said(ZHANG, "second"))
            await hung.until_asked(1)
            # Nobody says goodbye in a crash: the lease simply is not renewed any more.
            await first._lease.loop.stop()  # type: ignore[union-attr] # noqa: SLF001
            async with working(two(), lease_seconds=0.6) as (_, run):
                run.gate.set()
                await run.until_sent(2)

                assert ["hold", "second"] == run.sent["wecom/张三"]
            hung.gate.set()
        finally:
            await first.close()

        assert {} == dict(hung.sent)

    async def test_a_stop_reaches_the_process_that_runs_the_turn(self, two: Callable[[], Database]) -> None:
        # Its lease cannot run out however slow the machine is: the other would run the turn.
        async with working(two(), lease_seconds=60) as (first, ran), working(two()) as (second, _):
            await accept(first, said(ZHANG, "hold"))
            await accept(first, said(ZHANG, "next"))
            await ran.until_asked(1)
            assert await second.stop(ZHANG)
            await ran.until_sent(1)

            assert ["next"] == ran.sent["wecom/张三"]

    async def test_a_stop_reaches_a_process_that_did_not_listen_just_then(self, two: Callable[[], Database]) -> None:
        async with working(two(), lease_seconds=60) as (first, ran), working(two()) as (second, _):
            await first._notifications.stop()  # type: ignore[union-attr] # noqa: SLF001 -- as while it connects
            await accept(first, said(ZHANG, "hold"))
            await accept(first, said(ZHANG, "next"))
            await ran.until_asked(1)
            assert await second.stop(ZHANG)
            first._notifications.start()  # type: ignore[union-attr] # noqa: SLF001
            await ran.until_sent(1)

            assert ["next"] == ran.sent["wecom/张三"]

    async def test_a_message_delivered_to_both_is_answered_once(self, two: Callable[[], Database]) -> None:
        async with working(two()) as (first, ran), working(two(), beside=ran) as (second, _):
            events = [said(Person("wecom", f"u{n}"), f"{n}") for n in range(50)]
            news = await asyncio.gather(
                *(accept(worker, event) for event in events for worker in (first, second, first))
            )
            await ran.until_sent(50)

            assert {event.sender.user: 1 for event in events} == {
                lane.removeprefix("wecom/"): len(sent) for lane, sent in ran.sent.items()
            }
            assert 50 == sum(news)


async def test_a_database_that_cannot_be_reached_refuses_in_time() -> None:
    database = open_database("postgresql+asyncpg://nobody@127.0.0.1:9/none")
    worker = Worker(database, most=1)
    worker._writer.start()  # noqa: SLF001 -- a start would wait for the database
    with pytest.raises(TryAgain):
        await accept(worker, said(ZHANG, "你好"))
    await worker._writer.stop()  # noqa: SLF001
    await database.close()
