"""The connection: subscribed, kept, and begun again whatever ended it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from adapters.aibot.connection import BotConnection, ConnectionTiming
from adapters.aibot.frames import BotFrame
from adapters.simulator.faults import BotMishapName
from adapters.simulator.platform.apps import invent_bot
from adapters.simulator.simulator import WeComSimulator
from pipeline.replies import TextPart
from pipeline.supervision import SupervisedLoop
from tests.adapters.aibot.bot import QUICK, connected_bot
from tests.service import until


async def test_a_dropped_connection_is_begun_again_and_messages_come_once_more() -> None:
    async with connected_bot() as bot:
        await bot.server.drop(bot.app)
        await bot.server.connected(bot.app)
        await bot.channel.connection.subscribed(5)

        event = await bot.asked("after the drop")

    assert "zhangsan" == event.sender.user


async def test_a_silent_peer_is_noticed_by_its_pings() -> None:
    async with connected_bot() as bot:
        bot.server.mute = True
        await until(lambda: bot.channel.connection.state != "subscribed")
        bot.server.mute = False
        await bot.server.connected(bot.app)

        assert await bot.channel.connection.subscribed(5)


@pytest.mark.parametrize("fault", ["deaf", None])
async def test_who_is_kicked_closes_waits_and_says_so(fault: BotMishapName | None) -> None:
    async with connected_bot() as bot:
        if fault:
            bot.server.add_fault(fault)
        with capture_logs() as logs:
            await bot.server.kick(bot.app)
            await until(lambda: bot.channel.connection.state == "kicked")

            assert "another connection has subscribed" in bot.channel.trouble()
            assert ["error"] == [line["log_level"] for line in logs if line["event"] == "bot_disconnected"]
        await bot.server.connected(bot.app)


async def test_refused_credentials_are_named_and_tried_slowly() -> None:
    async with WeComSimulator() as simulator:
        app = simulator.register(invent_bot())
        connection = BotConnection(
            "bot",
            simulator.bot_url,
            bot_id=app.bot_id,
            secret="wrong",
            on_callback=lambda _: None,
            timing=QUICK.connection,
        )
        loop = SupervisedLoop("bot", connection.run)
        with capture_logs() as logs:
            loop.start()
            await until(lambda: simulator.bots.frames["aibot_subscribe"] > 2)
            await until(lambda: connection.state == "refused")

            assert "the bot's connection: bot_id and secret were refused with 40001" == connection.trouble
            await loop.stop()

    pauses = [line["seconds"] for line in logs if line["event"] == "bot_disconnected"]
    assert len(pauses) > 1
    assert {QUICK.connection.refused_pause} == set(pauses)
    assert ConnectionTiming().refused_pause >= 60
    assert ConnectionTiming().kicked_pause >= 600


async def test_a_connection_that_is_given_up_while_it_ends_leaves_no_socket_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[aiohttp.ClientWebSocketResponse[bool]] = []
    connect = aiohttp.ClientSession.ws_connect

    async def noted(*args: Any, **kwargs: Any) -> aiohttp.ClientWebSocketResponse[bool]:  # noqa: ANN401 -- passed on
        opened.append(await connect(*args, **kwargs))
        return opened[-1]

    monkeypatch.setattr(aiohttp.ClientSession, "ws_connect", noted)
    async with WeComSimulator() as simulator:
        app = simulator.register(invent_bot())
        for steps in range(30):
            refused = BotConnection(
                "bot", simulator.bot_url, bot_id=app.bot_id, secret="wrong", on_callback=lambda _: None
            )
            running = asyncio.create_task(refused.run())
            async with asyncio.timeout(30):
                while simulator.bots.frames["aibot_subscribe"] <= steps:  # noqa: ASYNC110 -- each step counts
                    await asyncio.sleep(0)
            for _ in range(steps):
                await asyncio.sleep(0)
            running.cancel()
            await asyncio.wait({running})

    assert [True] * 30 == [socket.closed for socket in opened]


async def test_nobody_there_is_asked_for_ever_in_growing_pauses() -> None:
    connection = BotConnection(
        "bot",
        "ws://127.0.0.1:9",
        bot_id="b",
        secret="s",
        on_callback=lambda _: None,
        timing=ConnectionTiming(first_pause=0.001, longest_pause=0.004, ack=0.0),
    )
    with capture_logs() as logs:
        loop = SupervisedLoop("bot", connection.run)
        loop.start()
        await until(lambda: len(logs) > 6)
        await loop.stop()

    assert "could not be opened" in connection.trouble
    assert {"bot_disconnected"} == {line["event"] for line in logs}


@pytest.mark.parametrize("answers", [False, True])
async def test_a_socket_that_is_closed_at_once_is_opened_again_in_growing_pauses(answers: bool) -> None:  # noqa: FBT001
    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if answers:
            asked = await socket.receive_json()
            await socket.send_json({"headers": asked["headers"], "errcode": 0})
        return socket

    application = web.Application()
    application.router.add_get("/", serve)
    timing = ConnectionTiming(first_pause=0.05, longest_pause=0.4, ack=5.0)
    async with TestServer(application) as server:
        url = str(server.make_url("/"))
        connection = BotConnection("bot", url, bot_id="b", secret="s", on_callback=lambda _: None, timing=timing)
        loop = SupervisedLoop("bot", connection.run)
        with capture_logs() as logs:
            loop.start()
            await until(lambda: sum(line["event"] == "bot_disconnected" for line in logs) > 4)
        await loop.stop()

    pauses = [line["seconds"] for line in logs if line["event"] == "bot_disconnected"]
    assert pauses[0] < pauses[3]


async def test_one_that_is_no_longer_subscribed_is_given_up_for_another() -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        await until(bot.frames)
        bot.server.add_fault("not_subscribed")
        with pytest.raises(Exception, match="846609"):
            await bot.channel.reply(event, TextPart("answer", "markdown"))
        await bot.channel.connection.subscribed(5)
        await bot.channel.reply(event, TextPart("answer", "markdown"))

        assert ["answer"] == await bot.phone.texts()


async def test_frames_of_every_wrong_shape_leave_it_up() -> None:
    frames: list[str | bytes] = [
        b"\x00\xff",
        "[" * 500_000,
        "{}",
        "null",
        "x" * 3_000_000,
        '{"headers":{"req_id":"a"}}',
    ]
    frames += [
        json.dumps({"cmd": name, "headers": {"req_id": "a"}, "body": {}}) for name in ("aibot_msg_callback", "new")
    ]
    async with connected_bot() as bot:
        with capture_logs() as logs:
            for _ in range(20):
                for frame in frames:
                    await bot.server.send_raw(bot.app, frame)
            event = await bot.asked("a\x01b")

    assert "a\x01b" == getattr(event.content, "text", "")
    assert {"bot_frame_refused"} == {line["event"] for line in logs if line["log_level"] != "debug"}


@pytest.mark.parametrize("as_sent", [str, str.encode])
async def test_a_ping_of_theirs_is_answered(as_sent: Callable[[str], str | bytes]) -> None:
    async with connected_bot() as bot:
        await bot.server.send_raw(bot.app, as_sent(json.dumps({"cmd": "ping", "headers": {"req_id": "theirs"}})))

        await until(lambda: bot.server.frames["pong"])


async def test_a_late_answer_is_not_taken_for_another_frames() -> None:
    async with connected_bot() as bot:
        connection = bot.channel.connection
        bot.server.add_fault("late_ack")
        with pytest.raises(Exception, match="was not answered"):
            await connection.call("aibot_send_msg", {"chatid": "nobody"}, within=0.05)
        answer = await asyncio.wait_for(connection.call("aibot_send_msg", {"chatid": "nobody"}), 60)

    assert isinstance(answer, BotFrame)
    assert 93006 == answer.errcode
