"""What people complain about in other programs for bots, where no test beside its own part shows that it is right."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.aibot.bot_channel import BotTiming
from adapters.aibot.bot_settings import WeComAibotSettings
from adapters.aibot.connection import BotConnection, ConnectionTiming
from adapters.aibot.frames import BotFrame, stream_id_of
from pipeline.errors import TryAgain
from pipeline.events import InboundEvent, Person, Text
from pipeline.replies import TextPart
from pipeline.supervision import SupervisedLoop
from tests.adapters.aibot.bot import QUICK, Bot, connected_bot, following
from tests.service import until


def part(text: str) -> TextPart:
    return TextPart(text, "markdown")


def shows(bot: Bot, text: str) -> bool:
    return bot.frames()[-1:] == [(text, False)]


@pytest.mark.parametrize("second", ["not answered", "refused"])
async def test_a_socket_that_opens_again_and_has_no_subscription_is_no_connection(second: str) -> None:
    subscriptions: list[str] = []
    heard: list[str] = []

    async def answer_pings(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            ping = json.loads(message.data)
            await socket.send_json({"headers": ping["headers"], "errcode": 0})

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        asked = await socket.receive_json()
        subscriptions.append(asked["cmd"])
        headers = asked["headers"]
        match len(subscriptions):
            case 1:
                await socket.send_json({"headers": headers, "errcode": 0})
            case 2:
                if second == "refused":
                    await socket.send_json({"headers": headers, "errcode": 45009})
                # Pings would be answered all the same.
                await answer_pings(socket)
            case _:
                await socket.send_json({"headers": headers, "errcode": 0})
                body = {"msgtype": "text", "chattype": "group", "chatid": "wrABC"}
                await socket.send_json({"cmd": "aibot_msg_callback", "headers": {"req_id": "r"}, "body": body})
                await answer_pings(socket)
        return socket

    def hear(frame: BotFrame) -> None:
        heard.append(frame.body["chatid"])

    application = web.Application()
    application.router.add_get("/", serve)
    timing = ConnectionTiming(ping=0.05, ack=0.3, first_pause=0.01, longest_pause=0.02)
    async with TestServer(application) as server:
        connection = BotConnection(
            "bot", str(server.make_url("/")), bot_id="b", secret="s", on_callback=hear, timing=timing
        )
        loop = SupervisedLoop("bot", connection.run)
        loop.start()
        await until(lambda: heard and connection.state == "subscribed")
        await loop.stop()

    assert ["wrABC"] == heard
    assert ["aibot_subscribe"] * 3 == subscriptions


async def test_a_snapshot_that_is_shown_already_is_not_sent_again_and_a_whole_one_takes_its_place() -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        for text in ("one", "one", "one two", "one two", "three"):
            bot.channel.show(event, text)
            bot.channel.show(event, text)
            await until(partial(shows, bot, text))
        await bot.channel.reply(event, part("three"))

    shown = [text for text, _ in bot.frames()]
    assert ["one", "one two", "three", "three"] == shown[-4:]
    assert [False, True] == [finish for text, finish in bot.frames() if text == "three"]


async def test_an_answer_made_by_a_process_without_the_connection_is_left_to_the_one_that_has_it() -> None:
    away = BotTiming(replace(QUICK.connection, kicked_pause=60.0), QUICK.stream)
    async with connected_bot(away) as bot:
        event = await bot.asked()
        async with following(bot, away) as holder:
            bot.channel._held.is_elsewhere = True  # noqa: SLF001 -- what the lease says
            with pytest.raises(TryAgain) as waits:
                await bot.channel.reply(event, part("the answer"))
            # Whoever runs the turn next has it from the database.
            await holder.reply(event, part("the answer"))

            assert waits.value.blameless
            assert "" == bot.channel.trouble()
            assert ["the answer"] == await bot.phone.texts()


@pytest.mark.parametrize("chat", ["wrAbCdEfGhIjK", "WRABC", "wr_x-1"])
async def test_a_message_goes_to_a_groups_id_as_it_was_received_letter_by_letter(chat: str) -> None:
    async with connected_bot() as bot:
        phone = bot.simulator.phone("zhangsan", group=chat)
        await phone.say("question")
        event = await bot.accepted.get()
        await bot.channel.reply(event, part("the answer"))
        await bot.channel.reply(replace(event, reply_id=""), part("and more"))

        assert ["the answer", "and more"] == await phone.texts(count=2)
    assert chat == event.group


async def test_what_a_model_thinks_is_hidden_unless_it_is_asked_for() -> None:
    assert "hide" == WeComAibotSettings().thinking
    async with connected_bot() as bot:
        assert not bot.channel.capabilities.reasoning


def test_a_stream_is_one_answers_own_and_the_same_whoever_answers() -> None:
    keys = [f"bot/{number}" for number in range(1000)]

    assert 1000 == len({stream_id_of(key) for key in keys})
    assert [stream_id_of(key) for key in keys] == [stream_id_of(key) for key in keys]


async def test_only_streams_and_markdown_are_sent_which_phones_show_too() -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        await bot.channel.reply(event, part("a\nb"))
        await bot.channel.reply(event, part("c\nd"))
        nobody = InboundEvent("", Person("bot", "zhangsan"), Text(""), datetime.now(UTC))
        await bot.channel.send(nobody.sender, part("e\nf"))

        assert ["a\nb", "c\nd", "e\nf"] == await bot.phone.texts(count=3)
        assert {"markdown"} == {message.type for message in await bot.phone.messages(count=3)}
