"""A bot over the simulator, its waits shortened; the turn is played by the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr

from adapters.aibot.answer_stream import StreamTiming
from adapters.aibot.bot_channel import AibotChannel, BotTiming
from adapters.aibot.bot_settings import WeComAibotSettings
from adapters.aibot.connection import ConnectionTiming
from adapters.simulator.bots.bot_server import BotServer
from adapters.simulator.phone import Phone
from adapters.simulator.platform.apps import App, invent_bot
from adapters.simulator.simulator import WeComSimulator
from pipeline.events import InboundEvent
from pipeline.supervision import SupervisedLoop
from tests.fakes.ports import FakeSendLimiter, MemoryMedia, SoleHolder
from tests.service import until

QUICK = BotTiming(
    ConnectionTiming(ping=0.2, ack=1.0, first_pause=0.02, longest_pause=0.1, refused_pause=0.3, kicked_pause=0.3),
    StreamTiming(frame=0.05, later_frame=0.05, refresh=5.0),
)


@dataclass
class Bot:
    """A connected bot, what it accepted, and the platform it is connected to."""

    simulator: WeComSimulator
    app: App
    channel: AibotChannel
    loop: SupervisedLoop
    accepted: "asyncio.Queue[InboundEvent]" = field(default_factory=asyncio.Queue)

    @property
    def server(self) -> BotServer:
        return self.simulator.bots

    @property
    def phone(self) -> Phone:
        return self.simulator.phone("zhangsan")

    async def asked(self, text: str = "question") -> InboundEvent:
        """Have a member ask, and return the event once it is accepted."""
        await self.phone.say(text)
        async with asyncio.timeout(30):
            return await self.accepted.get()

    def frames(self) -> list[tuple[str, bool]]:
        return [(str(stream["content"]), bool(stream["finish"])) for _, stream in self.server.shown]


@asynccontextmanager
async def following(bot: Bot, timing: BotTiming) -> AsyncIterator[AibotChannel]:
    """Connect another process with the same bot, which ends the first one's connection."""
    other = AibotChannel(
        "bot",
        WeComAibotSettings(
            bot_id=bot.app.bot_id, secret=SecretStr(bot.app.secret), connection_url=bot.simulator.bot_url
        ),
        send_limiter=FakeSendLimiter(),
        media=MemoryMedia(),
        lease=SoleHolder(),
        language="en",
        timing=timing,
    )

    async def ignore(_: InboundEvent) -> bool:
        return False

    other.start(ignore)
    try:
        await until(lambda: bot.channel.connection.state == "kicked")
        await other.connection.subscribed(30)
        yield other
    finally:
        await other.aclose()


@asynccontextmanager
async def connected_bot(timing: BotTiming = QUICK, *, name: str = "") -> AsyncIterator[Bot]:
    async with WeComSimulator() as simulator:
        app = simulator.register(invent_bot())
        settings = WeComAibotSettings(
            bot_id=app.bot_id, secret=SecretStr(app.secret), connection_url=simulator.bot_url, name=name
        )
        channel = AibotChannel(
            "bot",
            settings,
            send_limiter=FakeSendLimiter(),
            media=MemoryMedia(),
            lease=SoleHolder(),
            language="en",
            timing=timing,
        )
        seen: set[str] = set()
        accepted: asyncio.Queue[InboundEvent] = asyncio.Queue()

        async def accept(event: InboundEvent) -> bool:
            if event.key in seen:
                return False
            seen.add(event.key)
            accepted.put_nowait(event)
            return True

        bot = Bot(simulator, app, channel, channel.start(accept), accepted)
        await simulator.bots.connected(app)
        await channel.connection.subscribed(5)
        try:
            yield bot
        finally:
            await channel.aclose()
