"""The last frame of an answer, its own answer late, lost or cut off: it stands once wherever that can be known."""

from contextlib import suppress
from dataclasses import replace

import pytest

from adapters.aibot.answer_stream import StreamTiming
from adapters.aibot.bot_channel import BotTiming
from adapters.aibot.connection import ConnectionTiming
from adapters.simulator.faults import BotMishapName
from pipeline.errors import TryAgain
from pipeline.events import InboundEvent
from pipeline.replies import TextPart
from tests.adapters.aibot.bot import Bot, connected_bot
from tests.service import until

BRIEF = BotTiming(
    ConnectionTiming(ping=9, ack=0.1, first_pause=0.01, longest_pause=0.05), StreamTiming(frame=0.02, refresh=5.0)
)


async def sent(bot: Bot, event: InboundEvent, part: TextPart, *, tries: int = 100) -> None:
    """Send a part as a turn does, as often as it may be tried."""
    for _ in range(tries):
        with suppress(TryAgain):
            await bot.channel.reply(event, part)
            return


def part(text: str) -> TextPart:
    return TextPart(text, "markdown")


@pytest.mark.parametrize(
    ("mishaps", "count"),
    [
        (["lose_ack"], 1),
        (["lose_ack", "lose_ack"], 1),
        (["late_ack"], 1),
        (["drop"], 1),
        (["drop_after"], 1),
        (["drop_after", "lose_ack"], 1),
        (["lose_ack", "drop_after"], 1),
        (["drop", "drop_after", "drop"], 1),
        (["not_subscribed"], 1),
        (["conflict"] * 6, 1),
        # The req_id is gone with the connection that may have taken the last frame: nobody can know.
        (["drop_after", "request_expired"], 2),
    ],
)
async def test_an_answer_stands_once_whatever_becomes_of_its_last_frame(
    mishaps: list[BotMishapName], count: int
) -> None:
    # Where no answer of the platform is lost, one that comes late on a busy machine must not look lost.
    waits = 0.1 if any(each.endswith("ack") for each in mishaps) else 60.0
    timing = replace(BRIEF, connection=replace(BRIEF.connection, ack=waits))
    async with connected_bot(timing) as bot:
        event = await bot.asked()
        await until(bot.frames)
        for each in mishaps:
            bot.server.add_fault(each)
            if each.startswith("drop") or each == "not_subscribed":
                # Each strikes at a frame of its own.
                await sent(bot, event, part("the answer"), tries=1)
        await sent(bot, event, part("the answer"))

        assert ["the answer"] * count == await bot.phone.texts(count=count)
        assert {} == bot.simulator.faults.rules()
    assert count - 1 == bot.server.frames["aibot_send_msg"]


async def test_an_answer_to_a_peer_that_has_gone_silent_goes_out_after_the_reconnect() -> None:
    async with connected_bot(BRIEF) as bot:
        event, other = await bot.asked(), await bot.asked("other")
        await until(lambda: len(bot.frames()) > 1)
        # As after a restart, of one that is too old for its bubble.
        bot.channel._tickets.drop(other.key)  # noqa: SLF001
        other = replace(other, reply_id="")
        bot.server.mute = True
        for each in (event, other):
            await sent(bot, each, part(f"to {each.key}"), tries=1)
        bot.server.mute = False
        for each in (event, other):
            await sent(bot, each, part(f"to {each.key}"))

        shown = {message.text for message in await bot.phone.messages(count=1) if not message.streaming}
        await until(lambda: 1 == bot.server.frames["aibot_send_msg"])
    assert f"to {event.key}" in shown


async def test_a_last_frame_that_is_refused_is_not_taken_for_shown_by_a_drafts_late_answer() -> None:
    async with connected_bot(BRIEF) as bot:
        event = await bot.asked()
        await until(bot.frames)
        bot.server.add_fault("late_ack")
        bot.channel.show(event, "half")
        await until(lambda: any("half" in text for text, _ in bot.frames()))
        await until(lambda: bot.channel._tickets.open_stream(event)._is_answer_missing)  # type: ignore[union-attr]  # noqa: SLF001 -- nothing else shows it
        bot.server.add_fault("quota")
        await sent(bot, event, part("the answer"))

        assert ["the answer"] == await bot.phone.texts()
