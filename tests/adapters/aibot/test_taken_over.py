"""Bubbles of a process that is gone, or no longer holds the connection, ended by the one that does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.aibot.bot_channel import AibotChannel, BotTiming
from adapters.simulator.platform.timeline import Delivered
from pipeline.events import InboundEvent
from pipeline.ports import Ending
from pipeline.replies import TextPart
from tests.adapters.aibot.bot import QUICK, Bot, connected_bot, following
from tests.service import until

# The one that is kicked stays away.
AWAY = BotTiming(replace(QUICK.connection, kicked_pause=60.0), QUICK.stream)


@asynccontextmanager
async def taken_over() -> AsyncIterator[tuple[Bot, AibotChannel, InboundEvent]]:
    """A message of which the first process shows the dots, and another that has the connection now."""
    async with connected_bot(AWAY) as bot:
        event = await bot.asked()
        await until(bot.frames)
        async with following(bot, AWAY) as other:
            yield bot, other, event


def shown(bot: Bot) -> list[tuple[str, bool]]:
    return [(entry.text, entry.streaming) for entry in bot.phone.entries() if isinstance(entry, Delivered)]


async def test_the_answer_stands_in_the_bubble_that_another_process_began() -> None:
    async with taken_over() as (bot, other, event):
        other.show(event, "half")
        await until(lambda: shown(bot) == [("half", True)])
        await other.reply(event, TextPart("the answer", "markdown"))
        assert other.settle(event, "nothing")
        # Of what is over nothing is shown again.
        other.notify(event, "drawing…")

        assert [("the answer", False)] == shown(bot)
    assert bot.server.frames["aibot_send_msg"] == 0


@pytest.mark.parametrize(("ending", "words"), [("stopped", "Stopped"), ("joined", "next"), ("nothing", "Nothing")])
async def test_only_who_holds_the_connection_ends_a_bubble_without_an_answer(ending: Ending, words: str) -> None:
    async with taken_over() as (bot, other, event):
        assert not bot.channel.settle(event, ending)
        assert other.settle(event, ending)
        await until(lambda: not shown(bot)[0][1])

        assert words in shown(bot)[0][0]


@pytest.mark.parametrize("gone", ["with its connection", "by its age"])
async def test_a_message_that_can_no_longer_be_answered_in_its_bubble_is_answered_by_a_message(gone: str) -> None:
    async with taken_over() as (bot, other, event):
        if gone == "by its age":
            asked = replace(event, sent_at=event.sent_at - timedelta(seconds=QUICK.stream.window))
        else:
            asked = event
            bot.server.add_fault("request_expired")
        await other.reply(asked, TextPart("the answer", "markdown"))

        assert ("the answer", False) in shown(bot)
    assert bot.server.frames["aibot_send_msg"] == 1


async def test_a_conversation_waits_a_moment_for_a_connection_and_then_goes_on() -> None:
    # As after another process has taken the connection and does not take the turn up.
    timing = BotTiming(AWAY.connection, AWAY.stream, settle=0.0)
    async with connected_bot(replace(timing, connection=replace(AWAY.connection, kicked_pause=0.05))) as bot:
        event = await bot.asked()
        await until(bot.frames)
        bot.server.add_fault("refuse_subscription", 3)
        await bot.server.drop(bot.app)
        await until(lambda: bot.channel.connection.state != "subscribed")
        assert bot.channel.settle(event, "stopped")
        bot.simulator.clear_faults()
        bot.channel.connection.retry_now()
        await until(lambda: shown(bot) == [("⏹ Stopped.", False)])


@pytest.mark.parametrize("ending", ["stopped", "joined", "nothing", "refused", "interrupted", "undelivered"])
async def test_an_answer_that_is_given_up_holds_nobody_up_and_the_end_of_any_other_bubble_does_for_a_moment(
    ending: Ending,
) -> None:
    async with taken_over() as (bot, _, event):
        # What is not run again, or is taken up where it stands, is nothing to wait for.
        assert bot.channel.settle(event, ending) == (ending in {"interrupted", "undelivered"})


async def test_nobody_waits_to_end_a_bubble_that_is_too_old() -> None:
    async with taken_over() as (bot, _, event):
        old = replace(event, key="other", sent_at=event.sent_at - timedelta(seconds=QUICK.stream.window))

        assert bot.channel.settle(old, "stopped")


async def test_a_bubble_whose_connection_ends_just_then_is_ended_by_the_next() -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        await until(bot.frames)
        bot.server.add_fault("drop")
        assert bot.channel.settle(event, "stopped")
        await until(lambda: not shown(bot)[0][1])

        assert [("⏹ Stopped.", False)] == shown(bot)
