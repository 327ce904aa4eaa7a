"""Answers in the bubble of their question, and what becomes of them where that is not possible."""

import random
from dataclasses import replace

import pytest

from adapters.aibot.answer_stream import StreamTiming
from adapters.aibot.bot_channel import AibotChannel, BotTiming
from adapters.simulator.faults import BotMishapName
from adapters.simulator.platform.timeline import Delivered
from pipeline.errors import TryAgain
from pipeline.events import InboundEvent
from pipeline.ports import Ending
from pipeline.replies import TextPart, TextReply
from tests.adapters.aibot.bot import QUICK, connected_bot
from tests.service import until


def part(text: str) -> TextPart:
    return TextPart(text, "markdown")


async def test_dots_come_at_once_then_drafts_then_the_answer_alone() -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        await until(bot.frames)
        bot.channel.show(event, "one")
        bot.channel.show(event, "one two")
        await until(lambda: len(bot.frames()) == 2)
        bot.channel.show(event, "one two\n```py\nthree")
        await until(lambda: len(bot.frames()) == 3)
        await bot.channel.reply(event, part("the answer"))
        bot.channel.settle(event, "nothing")

        assert ["the answer"] == await bot.phone.texts()
    frames = bot.frames()
    assert [("<think></think>", False), ("the answer", True)] == [frames[0], frames[-1]]
    assert ("one two\n```py\nthree\n```", False) == frames[-2]
    assert 1 == len({stream["id"] for _, stream in bot.server.shown})
    assert 1 == sum("feedback" in stream for _, stream in bot.server.shown)


async def test_a_notice_is_shown_and_gone_in_the_end() -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        bot.channel.notify(event, "drawing…")
        await until(lambda: ("drawing…" in bot.frames()[-1][0]) if bot.frames() else False)
        await bot.channel.reply(event, part("done"))

        assert ["done"] == await bot.phone.texts()


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("stopped", "⏹ Stopped."),
        ("nothing", "(Nothing to answer here.)"),
        ("undelivered", "could not be delivered"),
        ("interrupted", "The service is restarting"),
    ],
)
async def test_a_turn_that_ends_without_an_answer_leaves_no_bubble_spinning(ending: Ending, words: str) -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        bot.channel.settle(event, ending)

        assert words in (await bot.phone.texts())[0]


async def test_a_bot_that_closes_ends_its_bubbles() -> None:
    async with connected_bot() as bot:
        await bot.asked()
        await bot.channel.aclose()

        assert "restarting" in (await bot.phone.texts())[0]


@pytest.mark.parametrize("fault", ["window_closed", "request_expired"])
async def test_a_stream_that_can_no_longer_be_answered_becomes_a_message(fault: BotMishapName) -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        await until(bot.frames)
        bot.server.add_fault(fault)
        await bot.channel.reply(event, part("the answer"))

        assert ["the answer"] == await bot.phone.texts()
    assert 1 == bot.server.frames["aibot_send_msg"]


async def test_a_stream_that_does_not_change_is_sent_again_so_that_it_does_not_die() -> None:
    timing = BotTiming(QUICK.connection, StreamTiming(frame=0.01, later_frame=0.01, refresh=0.05))
    async with connected_bot(timing) as bot:
        event = await bot.asked()
        bot.channel.show(event, "half")
        await until(lambda: bot.frames().count(("half", False)) > 2)
        await bot.channel.reply(event, part("the whole"))

        assert ["the whole"] == await bot.phone.texts()


async def test_a_stream_is_handed_over_before_its_window_ends() -> None:
    timing = BotTiming(QUICK.connection, StreamTiming(frame=0.01, later_frame=0.01, window=0.1))
    async with connected_bot(timing) as bot:
        event = await bot.asked()
        bot.channel.show(event, "half")
        (left,) = await bot.phone.texts()
        await bot.channel.reply(event, part("the whole"))

        assert [left, "the whole"] == await bot.phone.texts(count=2)
    assert left.startswith("half\n\n⏳")


async def test_a_last_frame_that_nobody_confirms_is_repeated_and_never_sent_by_another_way() -> None:
    timing = BotTiming(type(QUICK.connection)(ping=9, ack=0.1, first_pause=0.01), QUICK.stream)
    async with connected_bot(timing) as bot:
        event = await bot.asked()
        await until(bot.frames)
        bot.server.add_fault("lose_ack", 2)
        with pytest.raises(TryAgain):
            await bot.channel.reply(event, part("the answer"))
        await bot.channel.reply(event, part("the answer"))

        assert ["the answer"] == await bot.phone.texts()
    assert 0 == bot.server.frames["aibot_send_msg"]


async def test_a_version_conflict_is_sent_again() -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        await until(bot.frames)
        bot.server.add_fault("conflict", 2)
        await bot.channel.reply(event, part("the answer"))

        assert ["the answer"] == await bot.phone.texts()


async def test_a_quota_is_waited_for() -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        await until(bot.frames)
        bot.server.add_fault("quota")
        with pytest.raises(TryAgain):
            await bot.channel.reply(event, part("the answer"))
        await bot.channel.reply(event, part("the answer"))

        assert ["the answer"] == await bot.phone.texts()


async def test_an_answer_made_while_nobody_listens_goes_out_after_the_reconnect() -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        await until(bot.frames)
        await bot.server.drop(bot.app)
        await until(lambda: bot.channel.connection.state != "subscribed")
        with pytest.raises(TryAgain) as waits:
            await bot.channel.reply(event, part("the answer"))
        await bot.channel.reply(event, part("the answer"))

        assert waits.value.blameless
        assert ["the answer"] == await bot.phone.texts()


async def test_after_a_restart_the_answer_stands_in_the_bubble_of_before() -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        await until(bot.frames)
        bot.channel._tickets.drop(event.key)  # noqa: SLF001 -- what a restart does
        await bot.channel.reply(event, part("the answer"))

        assert ["the answer"] == await bot.phone.texts()
    assert 0 == bot.server.frames["aibot_send_msg"]


async def test_two_questions_have_two_bubbles() -> None:
    async with connected_bot() as bot:
        first, second = await bot.asked("one"), await bot.asked("two")
        await bot.channel.reply(second, part("answer two"))
        await bot.channel.reply(first, part("answer one"))

        assert {"answer one", "answer two"} == set(await bot.phone.texts(count=2))
    assert 2 == len({stream["id"] for _, stream in bot.server.shown})


async def test_a_welcome_goes_to_the_event_and_late_as_a_message() -> None:
    async with connected_bot() as bot:
        for late in (False, True):
            await bot.phone.enter()
            event = await bot.accepted.get()
            ticket = bot.channel._tickets.find(event)  # noqa: SLF001 -- when it came
            assert ticket is not None
            ticket.arrived -= 5.0 if late else 0.0
            await bot.channel.reply(event, part("welcome"))
        card, message = await bot.phone.messages(count=2)

    assert ("template_card", "Hello\nwelcome\nHelp\nExport\nNew topic") == (card.type, card.text)
    assert ("markdown", "welcome") == (message.type, message.text)
    assert 1 == bot.server.frames["aibot_respond_welcome_msg"]
    assert 1 == bot.server.frames["aibot_send_msg"]


async def test_a_long_answer_begins_in_the_stream_and_goes_on_in_messages() -> None:
    table = "| name | value |\n|---|---|\n" + "".join(f"| row {n} | {'字' * 20} |\n" for n in range(600))
    async with connected_bot() as bot:
        event = await bot.asked()
        parts = bot.channel.render([TextReply(f"before\n\n{table}")])
        for each in parts:
            await bot.channel.reply(event, each)
        shown = await bot.phone.texts(count=len(parts))

    assert 3 == len(parts)
    assert all("| name | value |\n|---|---|\n| row" in text for text in shown)
    assert all(len(text.encode()) <= 20_480 for text in shown)
    assert [f"| row {n} |" for n in range(600)] == [
        line[: line.index("|", 2) + 1] for text in shown for line in text.splitlines() if line.startswith("| row")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "# 标题\n\n- 一\n  - 二\n\n> 引用\n> > 再引\n\n`x` **b** $a_1$ [l](https://e.x)\n\n---\n\n| a |\n|---|\n| b |",
        "line one\nline two",
        "$$\n\\frac{a}{b}\n$$",
        "\\[Bug\\] stays",
    ],
)
async def test_markdown_reaches_the_client_as_it_was_written(text: str) -> None:
    async with connected_bot() as bot:
        assert (part(text),) == bot.channel.render([TextReply(text)])


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_goes_wrong_an_accepted_question_is_answered_and_no_bubble_is_left(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- what goes wrong, the same each time
    mishaps: tuple[BotMishapName, ...] = ("drop", "lose_ack", "late_ack", "window_closed", "conflict", "not_subscribed")
    timing = BotTiming(replace(QUICK.connection, ack=0.4), QUICK.stream)
    async with connected_bot(timing) as bot:
        answers = []
        for number in range(6):
            await bot.server.connected(bot.app, within=30)
            await bot.channel.connection.subscribed(10)
            event = await bot.asked(f"question {number}")
            mishap = chance.choice(mishaps)
            bot.server.add_fault(mishap)
            bot.channel.show(event, f"answer {number} begins")
            # A young stream that is over after a drop is one whose last frame was taken.
            if chance.random() < 0.4 and mishap != "window_closed":
                await bot.server.drop(bot.app)
            answers.append(f"answer {number}")
            while not await replied(bot.channel, event, answers[-1]):
                pass
            bot.channel.settle(event, "nothing")
        shown = [entry for entry in bot.phone.entries() if isinstance(entry, Delivered)]

    assert answers == list(dict.fromkeys(entry.text for entry in shown if entry.text in answers))
    # A bubble whose connection went is the one thing nobody can end any more.
    assert len([entry for entry in shown if entry.streaming]) <= bot.server.frames["aibot_subscribe"] - 1


async def replied(channel: AibotChannel, event: InboundEvent, text: str) -> bool:
    try:
        await channel.reply(event, part(text))
    except TryAgain:
        return False
    return True


async def test_a_card_that_is_refused_becomes_words_and_so_does_a_long_welcome() -> None:
    async with connected_bot() as bot:
        for text, refused in (("**hello**", True), ("word " * 40, False)):
            await bot.phone.enter()
            event = await bot.accepted.get()
            if refused:
                bot.server.add_fault("quota")
            await bot.channel.reply(event, part(text))
        shown = await bot.phone.messages(count=2)

    assert [("markdown", "hello"), ("markdown", "word " * 40)] == [(each.type, each.text) for each in shown]
