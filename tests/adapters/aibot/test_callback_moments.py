"""What a bot that is called back does at once, and what it notes where it was too late."""

import asyncio

import pytest

from adapters.aibot.callback.callback_channel import PollTiming
from adapters.simulator.platform.timeline import Delivered
from storage.database.engine import Database
from tests.adapters.aibot.test_callback import PNG, called_bot, part
from tests.service import until


@pytest.mark.parametrize("late", [False, True])
async def test_a_welcome_that_comes_too_late_is_noted_as_not_shown(database: Database, *, late: bool) -> None:
    async with called_bot(database, PollTiming(draft=0.02, look=0.02, welcome=0.1 if late else 30.0)) as bot:
        entering = asyncio.create_task(bot.phone.enter())
        event = await bot.accepted.get()
        if late:
            await entering
            bot.now += 0.2
        receipt = await bot.channel.reply(event, part("welcome"))
        await entering
        shown = [entry for entry in bot.phone.entries() if isinstance(entry, Delivered)]

    assert ("too late" in receipt.remark, not shown) == (late, late)


async def test_a_picture_is_downloaded_when_it_comes(database: Database) -> None:
    async with called_bot(database) as bot:
        await bot.phone.send_image(PNG, "a.png")
        await until(lambda: [PNG] == list(bot.media.files.values()))
