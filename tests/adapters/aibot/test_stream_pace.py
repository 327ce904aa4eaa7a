"""The frames of one stream: how far apart they go, and that none goes before the last one's answer is there."""

import asyncio
from collections.abc import Mapping
from typing import Any

from adapters.aibot.answer_stream import AnswerStream, StreamTiming
from adapters.aibot.connection import BotConnection
from adapters.aibot.drafts import WAITING
from adapters.aibot.frames import BotFrame
from pipeline.replies import TextPart
from tests.adapters.aibot.bot import connected_bot
from tests.hand_clock import HandClock
from tests.service import until


class HeldConnection(BotConnection):
    """Takes every frame, and answers it once `go` is set."""

    def __init__(self) -> None:
        super().__init__("bot", "ws://127.0.0.1:9", bot_id="b", secret="s", on_callback=lambda _: None)
        self.frames: list[str] = []
        self.under_way = 0
        self.most_under_way = 0
        self.go = asyncio.Event()
        self.cut_short = False

    async def call(
        self,
        cmd: str,  # noqa: ARG002
        body: Mapping[str, Any] | None = None,
        *,
        req_id: str = "",
        within: float | None = None,  # noqa: ARG002
    ) -> BotFrame:
        assert body is not None
        self.frames.append(body["stream"]["content"])
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cut_short = True
            raise
        finally:
            self.under_way -= 1
        return BotFrame("", req_id)


def stream_over(connection: BotConnection, clock: HandClock) -> AnswerStream:
    return AnswerStream(connection, "req", "stream", feedback="", handed_over="", timing=StreamTiming(), clock=clock)


async def as_far_as_it_goes() -> None:
    """Let what can go on do so: nothing here waits for anything but the clock that stands."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_frame_goes_after_half_a_second_and_after_the_first_minute_after_a_whole_one() -> None:
    connection, clock = HeldConnection(), HandClock()
    connection.go.set()
    stream, began = stream_over(connection, clock), clock.now
    stream.begin()
    await as_far_as_it_goes()
    went = {}
    for second in (0.25, 0.5, 0.75, 1.0, 59.75, 60.25, 60.5, 60.75, 61.25, 61.75):
        clock.now = began + second
        before = len(connection.frames)
        stream.show(f"after {second}")
        await as_far_as_it_goes()
        went[second] = connection.frames[before:] == [f"after {second}"]
    ending = await stream.finish("the answer")

    assert [0.5, 1.0, 59.75, 60.75, 61.75] == [second for second, goes in went.items() if goes]
    assert (WAITING, "the answer", "shown") == (connection.frames[0], connection.frames[-1], ending)
    assert 7 == len(connection.frames)


async def test_nothing_goes_while_a_frame_is_under_way_and_its_answer_is_always_waited_for() -> None:
    connection, clock = HeldConnection(), HandClock()
    stream = stream_over(connection, clock)
    stream.begin()
    await as_far_as_it_goes()
    clock.now += 5.0
    stream.show("half")
    finishing = asyncio.ensure_future(stream.finish("the answer"))
    await as_far_as_it_goes()
    under_way = list(connection.frames)
    connection.go.set()
    ending = await finishing

    assert [WAITING] == under_way
    assert ([WAITING, "the answer"], "shown") == (connection.frames, ending)
    assert (1, False) == (connection.most_under_way, connection.cut_short)


async def test_wecom_never_has_two_frames_of_an_answer_before_it() -> None:
    async with connected_bot() as bot:
        bot.server.seconds_under_way = 0.1
        event = await bot.asked()
        await until(bot.frames)
        await bot.channel.reply(event, TextPart("the answer", "markdown"))

        assert ["the answer"] == await bot.phone.texts()
    assert 0 == bot.server.conflicts
