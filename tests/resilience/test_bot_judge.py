"""The judge of bots' chaos: answers that WeCom lost on their way and asked for again are no answers out of order."""

import asyncio

import pytest

from storage.database.engine import Database
from tests.adapters.aibot.test_callback import called_bot, part
from tests.resilience.bot_chaos import Answered, BotChaos, disordered
from tests.service import until


@pytest.mark.parametrize(
    ("moments", "wrong"),
    [
        ([], 0),
        ([(1, 1), (2, 2), (3, 3)], 0),
        # The first was lost, and fetched again after the second.
        ([(1, 4), (2, 2), (3, 3)], 0),
        ([(2, 2), (1, 1)], 1),
        # The second was there before the first was ever given.
        ([(3, 4), (1, 2), (5, 5)], 1),
        # One that waited for the first cannot be there before what the second waited for.
        ([(3, 3), (1, 9), (2, 2)], 1),
    ],
)
def test_answers_are_out_of_order_where_they_cannot_have_been_given_in_it(
    moments: list[tuple[float, float]], wrong: int
) -> None:
    answers = [Answered(f"m{number}", given, whole) for number, (given, whole) in enumerate(moments)]

    assert wrong == len(disordered(answers))


@pytest.mark.parametrize("lost", [0, 1, 3])
async def test_an_end_counts_as_given_when_it_was_first_asked_for_in_vain(database: Database, lost: int) -> None:
    async with called_bot(database) as bot:
        event = await bot.asked()
        await until(lambda: bot.poller.shown)
        stream_id = bot.poller.shown[0]["id"]
        replying = asyncio.create_task(bot.channel.reply(event, part("the answer")))
        if lost:
            bot.simulator.bots.add_fault("lose_answer", lost)
        await bot.phone.texts()
        await replying
        message = (await bot.phone.messages(count=1))[0]
        stored = await bot.channel._streams.load(stream_id)  # noqa: SLF001 -- what the bot says of it

    assert message.msgid == stream_id
    assert stored is not None
    assert stored.is_read
    assert bot.poller.asked_for_whole[stream_id] <= message.at


@pytest.mark.parametrize(
    ("happened", "excused"),
    [
        (BotChaos(), False),
        (BotChaos(kills=[101]), True),
        (BotChaos(kills=[99]), False),
        (BotChaos(kills=[110]), False),
        # It was not told that WeCom has it, and was about to ask.
        (BotChaos(kills=[110], withheld=[100.1]), True),
        (BotChaos(freezes=[(110, 128)], withheld=[100.1]), True),
        (BotChaos(kills=[110], withheld=[97.0]), False),
        (BotChaos(kills=[120], withheld=[100.1]), False),
    ],
)
def test_an_answer_may_come_again_where_its_process_died_before_it_could_know_of_it(
    happened: BotChaos, *, excused: bool
) -> None:
    assert excused == happened.excuses(100.0, 125.0)
    assert happened.around(100.0, 125.0) or not (happened.kills or happened.freezes)
