"""Of several processes on one database one holds the bot's connection, and another takes over when it is gone."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from sqlalchemy import String, literal_column, select

from adapters.aibot.bot_channel import AibotChannel
from adapters.aibot.bot_settings import WeComAibotSettings
from adapters.simulator.platform.apps import App, invent_bot
from adapters.simulator.simulator import WeComSimulator
from pipeline.errors import TryAgain
from pipeline.events import InboundEvent, Person, Text
from pipeline.replies import TextPart
from storage.database.connection_holders import ConnectionHolders
from storage.database.engine import Database
from storage.database.tables import connection_holders
from tests.adapters.aibot.bot import QUICK
from tests.fakes.ports import FakeSendLimiter, MemoryMedia
from tests.service import until

SECONDS = 0.6


def process(name: str, database: Database, simulator: WeComSimulator, app: App) -> AibotChannel:
    return AibotChannel(
        "bot",
        WeComAibotSettings(bot_id=app.bot_id, secret=SecretStr(app.secret), connection_url=simulator.bot_url),
        send_limiter=FakeSendLimiter(),
        media=MemoryMedia(),
        lease=ConnectionHolders(database, name, seconds=SECONDS),
        timing=QUICK,
    )


async def accept(_: InboundEvent) -> bool:
    return True


@dataclass
class Processes:
    """Two with the same bot, and the platform."""

    simulator: WeComSimulator
    first: AibotChannel
    second: AibotChannel


@asynccontextmanager
async def two_processes(database: Database) -> AsyncIterator[Processes]:
    async with WeComSimulator() as simulator, AsyncExitStack() as stack:
        app = simulator.register(invent_bot())
        first, second = (process(name, database, simulator, app) for name in ("one", "two"))
        for each in (first, second):
            stack.push_async_callback(each.aclose)
        yield Processes(simulator, first, second)


async def test_one_process_connects_and_another_takes_over(database: Database) -> None:
    if not database.shared:
        pytest.skip("SQLite has one process")
    async with two_processes(database) as both:
        first, second = both.first, both.second
        first.start(accept)
        await until(lambda: first.connection.state == "subscribed")
        second.start(accept)
        await until(lambda: second._held.is_elsewhere)  # noqa: SLF001 -- nothing else shows it

        assert ("", "") == (first.trouble(), second.trouble())
        assert 1 == both.simulator.bots.frames["aibot_subscribe"]

        await first.aclose()
        await until(lambda: second.connection.state == "subscribed")

        assert 2 == both.simulator.bots.frames["aibot_subscribe"]


async def test_a_lease_that_is_not_renewed_is_taken_over_when_it_has_run_out(database: Database) -> None:
    dead, living = (ConnectionHolders(database, name, seconds=0.3) for name in ("dead", "living"))
    assert await dead.acquire("bot/b")
    if not database.shared:
        assert await living.acquire("bot/b")
        return
    assert not await living.acquire("bot/b")
    assert await dead.acquire("bot/b")
    await dead.release("bot/other")
    assert not await living.acquire("bot/b")
    for _ in range(1000):
        if await living.acquire("bot/b"):
            break
    assert not await dead.acquire("bot/b")


async def test_only_who_holds_the_connection_delivers_and_others_give_an_answer_back_at_once(
    database: Database,
) -> None:
    if not database.shared:
        pytest.skip("SQLite has one process")
    async with two_processes(database) as both:
        first, second = both.first, both.second
        assert (False, False) == (first.delivers(), second.delivers())
        first.start(accept)
        await until(lambda: first.connection.state == "subscribed")
        second.start(accept)
        await until(lambda: second._held.is_elsewhere)  # noqa: SLF001 -- nothing else shows it
        event = InboundEvent("k", Person("bot", "zhangsan"), Text("?"), datetime.now(UTC), reply_id="r")
        with pytest.raises(TryAgain) as refused:
            await second.reply(event, TextPart("the answer", "markdown"))

        assert (True, False) == (first.delivers(), second.delivers())
        assert (0.0, True) == (refused.value.after, refused.value.blameless)


async def test_who_waits_for_a_connection_only_reads(database: Database) -> None:
    if not database.shared:
        pytest.skip("SQLite has one process")
    holder, waiting = (ConnectionHolders(database, name) for name in ("holder", "waiting"))
    assert await holder.acquire("bot/b")
    written = [literal_column(column, String) for column in ("xmin::text", "xmax::text")]
    row = select(*written).select_from(connection_holders)
    async with database.read() as connection:
        before = (await connection.execute(row)).one()
    assert not await waiting.acquire("bot/b")
    async with database.read() as connection:
        assert before == (await connection.execute(row)).one()
