"""The bot in the whole service: its answers stream, are recorded before their last frame, and end with @stop."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.aibot.bot_channel import AibotChannel
from adapters.simulator.phone import Phone
from adapters.simulator.platform.apps import invent_bot
from adapters.simulator.simulator import WeComSimulator
from pipeline.events import Feedback, Image, InboundEvent, Person, Text
from pipeline.replies import TextPart
from storage.conversations.ratings import count_ratings, latest_rated
from tests.adapters.aibot.test_bot_media import png
from tests.fakes.openai_server import Fails, OpenAIServer, Says
from tests.service import RunningService, running_service, until

BOT = {"WEBOT_CHANNELS__BOT__KIND": "wecom_aibot"}


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


def answered_by(model: OpenAIServer) -> dict[str, str]:
    return {
        **BOT,
        "WEBOT_MODELS__DEFAULT__BASE_URL": model.base_url,
        "WEBOT_MODELS__DEFAULT__API_KEY": "sk-test-0123456789",
        "WEBOT_MODELS__DEFAULT__MODEL": "test-model",
    }


async def phone_of(service: RunningService) -> Phone:
    app = service.service.channels["bot"].simulated
    assert app is not None
    await service.simulator.bots.connected(app)
    return service.phone(agent_id=app.agent_id)


async def test_an_answer_streams_and_the_last_frame_is_what_was_recorded(tmp_path: Path) -> None:
    async with running_service(tmp_path, BOT) as service:
        phone = await phone_of(service)
        await phone.say("hello")
        (answer,) = await phone.texts()
        ready = (await service.http.get("/readyz")).json()
        frames = [stream for _, stream in service.simulator.bots.shown]
        read = (await service.console.get("/api/v1/conversations/1")).json()

    assert "hello" in answer
    assert [read["transcript"]["messages"][-1]["text"]] == [frame["content"] for frame in frames if frame["finish"]]
    assert {"<think></think>"} == {str(frame["content"]) for frame in frames[:1]}
    assert [True] == [frame["finish"] for frame in frames if frame["finish"]]
    assert "ok" == ready["channels"]


async def test_a_spoken_message_is_marked_in_the_console_and_in_what_is_exported(tmp_path: Path) -> None:
    async with running_service(tmp_path, BOT) as service:
        phone = await phone_of(service)
        await phone.do(Text("when do we meet", spoken=True))
        await phone.say("and where")
        answers = await phone.texts(count=2)
        read = await service.console.get("/api/v1/conversations/1")
        page = await service.console.get("/console/conversations/1?lang=en")

    assert "when do we meet" in answers[0]
    assert [True, False, False, False] == [each["spoken"] for each in read.json()["transcript"]["messages"]]
    assert 1 == page.text.count('<span class="chip">Voice</span>')


async def test_a_model_that_streams_is_shown_while_it_writes_and_stop_ends_the_bubble(
    tmp_path: Path, model: OpenAIServer
) -> None:
    model.script(Says("one two three four five six", hangs_after=4), Says("the next"))
    async with running_service(tmp_path, answered_by(model)) as service:
        phone = await phone_of(service)
        await phone.say("count")
        await until(lambda: any("one" in str(frame["content"]) for _, frame in service.simulator.bots.shown))
        await phone.say("@stop")
        stopped = await phone.texts(count=2)
        await phone.say("again")
        said = await phone.texts(count=3)

    assert any("已停止" in text for text in stopped)
    assert "the next" == said[-1]


async def test_a_bubble_says_that_there_were_too_many_messages(tmp_path: Path) -> None:
    async with running_service(tmp_path, BOT | {"WEBOT_LIMITS__PER_USER_PER_MINUTE": "1"}) as service:
        phone = await phone_of(service)
        for number in range(1, 4):
            await phone.say("hello")
            said = await phone.texts(count=number)

    assert "有点快" in said[1]
    assert "没有回答" in said[2]


async def test_an_apology_is_the_last_frame_of_its_stream(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Fails(401), Fails(401))
    async with running_service(tmp_path, answered_by(model)) as service:
        phone = await phone_of(service)
        await phone.say("hello")
        (apology,) = await phone.texts()

    assert apology
    assert 0 == service.simulator.bots.frames["aibot_send_msg"]


async def test_an_answer_that_was_cut_off_by_a_stop_of_the_service_follows_as_a_message(
    tmp_path: Path, model: OpenAIServer
) -> None:
    model.script(Says("one two three four", hangs_after=3), Says("the answer"))
    environ = {**answered_by(model), "WEBOT_LIMITS__DRAIN_SECONDS": "0.1"}
    # A WeCom that is there before, between and after.
    async with WeComSimulator() as wecom:
        app = wecom.register(invent_bot())
        phone = wecom.phone("zhangsan", agent_id=app.agent_id)
        environ |= {
            "WEBOT_CHANNELS__BOT__BOT_ID": app.bot_id,
            "WEBOT_CHANNELS__BOT__SECRET": app.secret,
            "WEBOT_CHANNELS__BOT__CONNECTION_URL": wecom.bot_url,
        }
        async with running_service(tmp_path, environ):
            await wecom.bots.connected(app, within=30)
            await phone.say("hello")
            await until(lambda: any("one" in str(frame["content"]) for _, frame in wecom.bots.shown))
        async with running_service(tmp_path, environ):
            left, answer = await phone.texts(count=2, within=60)

    assert "重启" in left
    assert "the answer" == answer


async def test_a_group_has_one_history_with_its_speakers_and_its_own_order(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(*(Says(f"answer {n}") for n in range(1, 5)))
    environ = answered_by(model) | {"WEBOT_CHANNELS__BOT__NAME": "webot"}
    async with running_service(tmp_path, environ) as service:
        alone = await phone_of(service)
        agent_id = alone.app.agent_id
        zhang, li = (service.simulator.phone(user, agent_id=agent_id, group="wrGroup") for user in ("zhangsan", "lisi"))
        await alone.say("a secret")
        await alone.texts()
        await zhang.say("@webot first")
        await zhang.texts()
        await li.say("@webot second")
        shown = await li.texts(count=2)
        asked = [str(body["messages"]) for body in model.bodies]
        # What is not in the stream of a question goes to the group, too.
        channel = service.service.channels["bot"].channel
        assert isinstance(channel, AibotChannel)
        group = InboundEvent("k", Person("bot", "lisi"), Text(""), datetime.now(UTC), group="wrGroup")
        await channel.reply(group, TextPart("a message", "markdown"))

        assert ["answer 2", "answer 3", "a message"] == await li.texts(count=3)
    assert ["answer 2", "answer 3"] == shown
    assert "secret" not in asked[1] + asked[2]
    assert "zhangsan：first" in asked[2]
    assert "lisi：second" in asked[2]
    assert "@webot" not in asked[2]


def files_in(folder: Path) -> list[str]:
    """Return the files of messages."""
    return [name for _, _, names in os.walk(folder / "data" / "media") for name in names]


async def test_a_person_who_is_forgotten_is_gone_from_groups_too(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(*(Says(f"answer {n}") for n in range(1, 6)))
    async with running_service(tmp_path, answered_by(model)) as service:
        alone = await phone_of(service)
        agent_id = alone.app.agent_id
        zhang, li = (service.simulator.phone(user, agent_id=agent_id, group="wrGroup") for user in ("zhangsan", "lisi"))
        await zhang.do(Text("my number is 42"), attachments=(Image(zhang.put("image", png(), "a.png")),))
        await zhang.texts()
        stored = files_in(tmp_path)
        await li.say("and mine is 43")
        await li.texts(count=2)
        await alone.say("@forget")
        await alone.texts()
        await alone.say("@forget yes")
        await alone.texts(count=2)
        await until(lambda: not files_in(tmp_path))
        page = await service.console.get("/console/conversations/1?lang=en")
        read = await service.console.get("/api/v1/conversations/1")
        await li.say("what do you know?")
        await li.texts(count=3)
        await li.say("@export md")
        (label,) = [message.media for message in await li.messages(count=5, within=60) if message.media]
        document = service.simulator.media(label.media_id, agent_id=agent_id).data.decode()

    assert 1 == len(stored)
    assert [200, 200] == [page.status_code, read.status_code]
    for shown in (page.text, read.text, document):
        assert "number is 42" not in shown
        assert "zhangsan" not in shown
        assert "answer 1" not in shown
        assert "mine is 43" in shown
        assert "answer 2" in shown
    assert "42" not in str(model.bodies[-1]["messages"])
    assert "43" in str(model.bodies[-1]["messages"])


async def test_an_export_comes_as_a_file_after_the_bubble_says_so(tmp_path: Path) -> None:
    async with running_service(tmp_path, BOT) as service:
        phone = await phone_of(service)
        await phone.say("hello")
        await phone.texts()
        await phone.say("@export md")
        shown = await phone.messages(count=3, within=60)

    assert "file" in [message.type for message in shown]


async def test_thumbs_are_counted_for_the_answer_they_stand_under_and_taken_back(
    tmp_path: Path, model: OpenAIServer
) -> None:
    model.script(Says("answer 1"), Says("answer 2"))
    async with running_service(tmp_path, answered_by(model)) as service:
        phone = await phone_of(service)
        keys = []
        for number in (1, 2):
            await phone.say(f"question {number}")
            await phone.texts(count=number)
            keys.append(
                next(str(f["feedback"]["id"]) for _, f in reversed(service.simulator.bots.shown) if "feedback" in f)
            )
        for judgement, counts in (
            (Feedback(keys[0], good=False, why="hm"), (0, 1)),
            (Feedback(keys[1], good=True), (1, 1)),
            (Feedback("aibot/of/others", good=False), (1, 1)),
            (Feedback(keys[0], good=None), (1, 0)),
        ):
            await phone.do(judgement)
            await counted(service, *counts)
            if judgement.why:
                (rated,) = await latest_rated(service.service.database, "default", last=9, users=("*",))
                assert ("incomplete; hm", False, "answer 1") == (rated.why, rated.good, rated.answer)
        texts = await phone.texts(count=2)

    assert ["answer 1", "answer 2"] == texts


async def test_the_first_look_of_a_day_is_welcomed(tmp_path: Path) -> None:
    async with running_service(tmp_path, BOT) as service:
        phone = await phone_of(service)
        await phone.enter()

        assert "@帮助" in (await phone.texts())[0]
        assert 1 == service.simulator.bots.frames["aibot_respond_welcome_msg"]


async def counted(service: RunningService, good: int, bad: int) -> None:
    """Return when so many answers are judged."""
    async with asyncio.timeout(30):
        while [(each.good, each.bad) for each in (await count_ratings(service.service.database)).values()] != [
            (good, bad)
        ]:
            pass


async def test_what_cannot_be_pushed_is_shown_to_the_operator_and_goes_out_with_the_next_message(
    tmp_path: Path, model: OpenAIServer
) -> None:
    model.script(Says("one two three four", hangs_after=3), Says("the answer"), Says("hello"))
    environ = {**answered_by(model), "WEBOT_LIMITS__DRAIN_SECONDS": "0.1"}
    async with running_service(tmp_path, environ) as service:
        phone = await phone_of(service)
        await phone.say("question")
        await until(lambda: any("one" in str(frame["content"]) for _, frame in service.simulator.bots.shown))
    # WeCom as it is after a night: nobody has written to this bot yet, so that nothing can be pushed.
    async with running_service(tmp_path, environ) as service:
        phone = await phone_of(service)
        failed: list[dict[str, object]] = []
        async with asyncio.timeout(60):
            while not failed:
                failed = (await service.http.get("/api/v1/turns")).json()["items"]
        await phone.say("hi")
        said = await phone.texts(count=2)
        left = (await service.http.get("/api/v1/turns")).json()["items"]

    assert "undelivered" == failed[0]["state"]
    assert [] == left
    assert ["the answer", "hello"] == said
