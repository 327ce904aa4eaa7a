"""Answers of which nobody says whether they came: repeated where that does no harm, and noted as what they are."""

import asyncio
from dataclasses import replace
from typing import Literal

import pytest

from adapters.aibot.answer_stream import StreamTiming
from adapters.aibot.bot_channel import AibotChannel, BotTiming
from adapters.aibot.connection import ConnectionTiming
from adapters.simulator.faults import BotMishapName
from pipeline.errors import TryAgain
from pipeline.events import InboundEvent
from pipeline.metrics import REGISTRY
from pipeline.replies import Receipt, TextPart
from tests.adapters.aibot.bot import connected_bot, following
from tests.service import until

BRIEF = BotTiming(
    ConnectionTiming(ping=9, ack=0.1, first_pause=0.01, longest_pause=0.05), StreamTiming(frame=0.02, refresh=5.0)
)
ANSWER = TextPart("the answer", "markdown")
SENT_AGAIN = {"drop", "not_subscribed"}
"""What has a message sent once more that was not taken the first time."""
UNCONFIRMED = "WeCom has not confirmed it"


async def sent(channel: AibotChannel, event: InboundEvent) -> tuple[Receipt, int]:
    """Send the answer as a turn does; return the receipt, and how often it was put off."""
    for tries in range(10_000):
        try:
            return await channel.reply(event, ANSWER), tries
        except TryAgain as error:
            assert error.blameless or error.code  # noqa: PT017 -- what is raised for is looked at, not that it is
            # A connection that ends is not gone at once.
            await asyncio.to_thread(lambda: None)
            await channel.connection.subscribed(5)
    raise AssertionError("never sent")


def left() -> float:
    return REGISTRY.get_sample_value("webot_bot_bubbles_left_total", {"channel": "bot"}) or 0.0


@pytest.mark.parametrize(
    ("way", "mishap", "copies", "remark"),
    [
        ("bubble", "", 1, ""),
        # The connection ends before WeCom has read the frame, and after.
        ("bubble", "drop", 1, ""),
        ("bubble", "drop_after", 1, ""),
        ("bubble", "not_subscribed", 1, ""),
        ("bubble", "lose_ack", 1, ""),
        ("bubble", "late_ack", 1, ""),
        ("message", "", 1, ""),
        ("message", "drop", 1, ""),
        # A message has no id by which it could be sent twice: what was in flight is there twice rather than never.
        ("message", "drop_after", 2, ""),
        ("message", "not_subscribed", 1, ""),
        ("message", "lose_ack", 1, UNCONFIRMED),
    ],
)
async def test_what_befalls_the_last_frame_of_an_answer(
    way: str, mishap: BotMishapName | Literal[""], copies: int, remark: str
) -> None:
    async with connected_bot(BRIEF) as bot:
        event = await bot.asked()
        await until(bot.frames)
        if way == "message":
            # As after a restart, of one that is too old for its bubble.
            bot.channel._tickets.drop(event.key)  # noqa: SLF001
            event = replace(event, reply_id="")
        if mishap:
            bot.server.add_fault(mishap)
        receipt, _ = await sent(bot.channel, event)

        assert ["the answer"] * copies == await bot.phone.texts(count=copies)
        assert {} == bot.simulator.faults.rules()
    assert remark == receipt.remark
    messages = copies + (mishap in SENT_AGAIN) if way == "message" else 0
    assert messages == bot.server.frames["aibot_send_msg"]


@pytest.mark.parametrize(("taken", "copies"), [(False, 1), (True, 2)], ids=["before it is sent", "before it is noted"])
async def test_a_process_that_dies_over_its_last_frame_is_followed_by_one_that_answers(
    copies: int, *, taken: bool
) -> None:
    away = BotTiming(replace(BRIEF.connection, kicked_pause=60.0), BRIEF.stream)
    async with connected_bot(away) as bot:
        event = await bot.asked()
        await until(bot.frames)
        if taken:
            await sent(bot.channel, event)
        async with following(bot, away) as other:
            receipt, _ = await sent(other, event)

            assert ["the answer"] * copies == await bot.phone.texts(count=copies)
    assert "" == receipt.remark


@pytest.mark.parametrize("acks", range(8))
async def test_a_last_frame_without_answers_is_repeated_until_it_has_one_and_is_noted_where_it_never_has(
    acks: int,
) -> None:
    async with connected_bot(BRIEF) as bot:
        event = await bot.asked()
        await until(bot.frames)
        if acks:
            bot.server.add_fault("lose_ack", acks)
        receipt, tries = await sent(bot.channel, event)

        assert ["the answer"] == await bot.phone.texts()
    # Two frames a round, each followed by a ping that is answered, and three rounds.
    assert (UNCONFIRMED if acks >= 6 else "") == receipt.remark
    assert min(acks // 2, 2) == tries
    assert 0 == bot.server.frames["aibot_send_msg"]


@pytest.mark.parametrize(("late", "refused"), [(False, False), (False, True), (True, False), (True, True)])
async def test_a_message_whose_answer_is_late_is_known_to_have_come_or_not(*, late: bool, refused: bool) -> None:
    # The answer comes after the usual wait, and before four of it.
    timing = BotTiming(replace(BRIEF.connection, ack=0.25), BRIEF.stream)
    async with connected_bot(timing) as bot:
        event = replace(await bot.asked(), reply_id="")
        bot.channel._tickets.drop(event.key)  # noqa: SLF001 -- as after a restart, of one that is too old
        if refused:
            bot.server.add_fault("quota")
        if late:
            bot.server.add_fault("late_ack")
        receipt, tries = await sent(bot.channel, event)

        assert ["the answer"] == await bot.phone.texts()
    assert int(refused) == tries
    assert "" == receipt.remark


async def test_an_answer_beside_a_bubble_that_nobody_can_end_is_a_message_and_noted_as_one() -> None:
    async with connected_bot(BRIEF) as bot:
        before = left()
        event = await bot.asked()
        await until(bot.frames)
        bot.server.add_fault("request_expired")
        receipt, _ = await sent(bot.channel, event)

        assert ["the answer"] == await bot.phone.texts()
    assert "sent as a message: WeCom takes nothing more for its bubble (846604)" == receipt.remark
    assert 1 == left() - before


async def test_a_bubble_that_can_be_ended_no_more_is_noted_as_left_once() -> None:
    async with connected_bot(BRIEF) as bot:
        before = left()
        event = await bot.asked()
        await until(bot.frames)
        bot.server.add_fault("request_expired")
        assert bot.channel.settle(event, "stopped")
        await until(lambda: left() > before)

        assert bot.channel.settle(event, "stopped")
    assert 1 == left() - before
