"""Odd calls to a bot that is called back, over HTTP: unknown streams and events, and a very large question."""

import asyncio

import pytest

from pipeline.events import Text
from pipeline.text.unicode import is_visible
from storage.database.engine import Database
from tests.adapters.aibot.test_callback import called_bot


@pytest.mark.parametrize("stream_id", ["\x00", "\ud800", "x" * 100_000, "' OR 1=1", "0" * 32])
async def test_a_refresh_of_no_stream_of_ours_ends_with_words(database: Database, stream_id: str) -> None:
    async with called_bot(database) as bot:
        answer = await bot.refresh(stream_id)

        assert answer["finish"]
        assert is_visible(answer["content"])
    assert [] == bot.poller.problems


async def test_an_event_nobody_knows_is_taken_whatever_it_lacks(database: Database) -> None:
    async with called_bot(database) as bot:
        for event in ({"eventtype": "auth_change_event"}, {}):
            assert (200, None) == await bot.poller.ask(bot.app, {"msgtype": "event", "event": event})


async def test_a_question_that_quotes_a_long_answer_and_has_many_pictures_is_taken(database: Database) -> None:
    async with called_bot(database) as bot:
        picture = {"msgtype": "image", "image": {"url": f"https://cos.example.com/{'s' * 900}"}}
        body = {
            "msgid": "large",
            "aibotid": bot.app.bot_id,
            "chattype": "single",
            "from": {"userid": "zhangsan"},
            "msgtype": "mixed",
            "mixed": {
                "msg_item": [{"msgtype": "text", "text": {"content": "\n" * 2000 + "问" * 4000}}, *[picture] * 40]
            },
            "quote": {"msgtype": "text", "text": {"content": "\\" * 10_240 + "答" * 3400}},
        }
        status, _ = await bot.poller.ask(bot.app, body)
        async with asyncio.timeout(30):
            while not isinstance((event := await bot.accepted.get()).content, Text):
                pass

        assert 200 == status
        assert "问" * 4000 in event.content.text
