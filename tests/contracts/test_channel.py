"""What every channel promises, asked of the application, the bot, and the fakes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.wecom.client.cache import Cache
from pipeline.events import Person
from pipeline.ports import Channel, Profile
from pipeline.replies import Receipt, Silence, TextReply
from tests.adapters.aibot.bot import connected_bot
from tests.adapters.wecom.application import app_of
from tests.adapters.wecom.qyapi import Qyapi
from tests.fakes.pretend_channel import PretendChannel
from tests.fakes.turns import FakeChannel
from tests.hand_clock import HandClock


@pytest.fixture(params=["the application", "the bot", "the fake", "the pretend kind"])
async def channel(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Channel]:
    match request.param:
        case "the application":
            async with Qyapi().served() as qyapi:
                qyapi.say("message/send", {"errcode": 0, "msgid": "m1"})
                qyapi.say("user/get", {"errcode": 0, "name": "张三", "department": [1]})
                app = app_of(qyapi, Cache(tmp_path, clock=HandClock()))
                yield app
                await app.aclose()
        case "the bot":
            async with connected_bot() as bot:
                await bot.asked()  # it may only write to those who have spoken to it
                yield bot.channel
        case "the fake":
            yield FakeChannel()
        case _:
            yield PretendChannel("post", "password")


async def test_rendering_is_pure_and_silence_is_no_part(channel: Channel) -> None:
    said = channel.render([TextReply("你好"), Silence(), TextReply("**再见**")])

    assert said
    assert said == channel.render([TextReply("你好"), Silence(), TextReply("**再见**")])
    assert () == channel.render([Silence()]) == channel.render([])


async def test_a_part_is_sent_to_a_person_of_the_channel(channel: Channel) -> None:
    (part,) = channel.render([TextReply("你好")])

    assert isinstance(await channel.send(Person(channel.name, "zhangsan"), part), Receipt)


async def test_a_channel_says_who_a_person_is_and_how_long_messages_may_be(channel: Channel) -> None:
    assert channel.name
    assert channel.capabilities.message_bytes >= 2048
    profile = await channel.profile(Person(channel.name, "zhangsan"))

    assert isinstance(profile, Profile)
    assert profile.name
