"""A process that held the bot's connection and was stopped for a while takes it from nobody when it goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from structlog.testing import capture_logs

from adapters.aibot.connection import BotConnection
from adapters.aibot.held_connection import HeldConnection
from adapters.simulator.platform.apps import App, invent_bot
from adapters.simulator.simulator import WeComSimulator
from pipeline.supervision import SupervisedLoop
from tests.adapters.aibot.bot import QUICK
from tests.service import until


class GivenLease:
    """Is whoever's the test says; `mine` is None while the database does not answer."""

    def __init__(self, seconds: float, *, mine: bool | None) -> None:
        self.seconds = seconds
        self.mine = mine
        self.asked = 0

    async def acquire(self, name: str) -> bool:
        del name
        self.asked += 1
        if self.mine is None:
            await asyncio.Event().wait()
        return bool(self.mine)

    async def release(self, name: str) -> None:
        del name


@asynccontextmanager
async def held(simulator: WeComSimulator, app: App, lease: GivenLease) -> AsyncIterator[BotConnection]:
    connection = BotConnection(
        "bot",
        simulator.bot_url,
        bot_id=app.bot_id,
        secret=app.secret,
        on_callback=lambda _: None,
        # Nothing is lost here; what comes late on a busy machine must not look like it.
        timing=replace(QUICK.connection, kicked_pause=600.0, ack=60.0),
    )
    loop = SupervisedLoop("bot", HeldConnection(connection, lease, name="bot/b", channel="bot").run)
    loop.start()
    try:
        yield connection
    finally:
        await loop.stop()


async def test_who_cannot_know_that_the_lease_is_still_theirs_does_not_subscribe() -> None:
    async with WeComSimulator() as simulator:
        app = simulator.register(invent_bot())
        lease = GivenLease(60.0, mine=True)
        async with held(simulator, app, lease) as connection:
            await connection.subscribed(30)
            # As after having been stopped for longer than the lease: by the clock it has run out.
            connection.may_subscribe = lambda: False
            with capture_logs() as logs:
                await simulator.bots.drop(app)
                await until(lambda: any("another process" in str(line.get("reason")) for line in logs))

            assert 1 == simulator.bots.frames["aibot_subscribe"]


async def test_a_connection_outlasts_a_database_that_does_not_answer_and_is_not_begun_anew_meanwhile() -> None:
    async with WeComSimulator() as simulator:
        app = simulator.register(invent_bot())
        lease = GivenLease(0.3, mine=True)
        async with held(simulator, app, lease) as connection:
            await connection.subscribed(30)
            assert connection.may_subscribe()
            lease.mine = None
            await until(lambda: not connection.may_subscribe())
            asked = lease.asked
            await until(lambda: lease.asked > asked + 3)
            assert simulator.bots.is_connected(app)

            await simulator.bots.drop(app)
            asked = lease.asked
            await until(lambda: lease.asked > asked + 3)
            assert (1, "connecting") == (simulator.bots.frames["aibot_subscribe"], connection.state)

            lease.mine = True
            await simulator.bots.connected(app, within=30)


async def test_a_connection_is_given_up_when_the_lease_is_anothers() -> None:
    async with WeComSimulator() as simulator:
        app = simulator.register(invent_bot())
        lease = GivenLease(0.3, mine=True)
        async with held(simulator, app, lease) as connection:
            await connection.subscribed(30)
            lease.mine = False
            await until(lambda: not simulator.bots.is_connected(app))

            assert not connection.may_subscribe()


async def test_who_has_taken_over_and_is_kicked_by_the_former_holder_comes_back_at_once_and_once() -> None:
    async with WeComSimulator() as simulator:
        app = simulator.register(invent_bot())
        lease = GivenLease(1.5, mine=False)
        async with held(simulator, app, lease) as connection:
            await until(lambda: lease.asked > 1)
            lease.mine = True
            await until(lambda: connection.state == "subscribed")
            await simulator.bots.kick(app)
            await until(lambda: connection.state == "kicked")
            await simulator.bots.connected(app, within=60)
            await connection.subscribed(30)

            # A second time it is somebody else, who must not be fought with.
            await simulator.bots.kick(app)
            await until(lambda: connection.state == "kicked")
            asked = lease.asked
            await until(lambda: lease.asked > asked + 3)
            assert "kicked" == connection.state
