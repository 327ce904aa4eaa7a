"""A bot that is called back, in the whole service: dots at once, drafts, and the recorded answer in the end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pymupdf
import pytest

from adapters.simulator.phone import Phone
from pipeline.events import File, Text
from tests.fakes.openai_server import OpenAIServer, Says
from tests.service import RunningService, running_service, until

BOT = {
    "WEBOT_CHANNELS__BOT__KIND": "wecom_aibot",
    "WEBOT_CHANNELS__BOT__MODE": "callback",
    "WEBOT_CHANNELS__BOT__NAME": "webot",
}


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


def phone_of(service: RunningService, user: str = "zhangsan", group: str = "") -> Phone:
    app = service.service.channels["bot"].simulated
    assert app is not None
    service.simulator.bots.poller.pause = 0.05
    return service.simulator.phone(user, agent_id=app.agent_id, group=group)


def shown(service: RunningService) -> list[tuple[str, bool]]:
    return [(str(each["content"]), bool(each["finish"])) for each in service.simulator.bots.poller.shown]


async def test_an_answer_is_asked_for_until_it_is_whole_and_stop_ends_it(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Says("one two three four five six", hangs_after=4), Says("the next"))
    async with running_service(tmp_path, answered_by(model)) as service:
        phone = phone_of(service)
        assert (await service.simulator.verify_url(agent_id=phone.app.agent_id)).ok
        await phone.say("count")
        await until(lambda: any("one" in text for text, _ in shown(service)))
        await phone.say("@stop")
        stopped = await phone.texts(count=2)
        await phone.say("again")
        said = await phone.texts(count=3)

        assert [] == service.simulator.bots.poller.problems
        assert ("<think></think>", False) == shown(service)[0]
    assert any("已停止" in text for text in stopped)
    assert "the next" == said[-1]


@pytest.mark.parametrize("mode", ["callback", "connection"])
async def test_the_first_look_of_a_day_is_welcomed_by_a_card_whose_buttons_are_commands(
    tmp_path: Path, mode: str
) -> None:
    async with running_service(tmp_path, {**BOT, "WEBOT_CHANNELS__BOT__MODE": mode}) as service:
        phone = phone_of(service)
        if mode == "connection":
            await service.simulator.bots.connected(phone.app)
        await phone.enter()
        (card,) = await phone.messages()
        await phone.click(card.body["button_list"][0]["key"])
        await phone.texts(count=2)
        await phone.click("no such button")
        said = await phone.texts(count=3)

        assert [] == service.simulator.bots.poller.problems
    assert "template_card" == card.type
    assert ["@help", "@export", "@clear"] == [button["key"] for button in card.body["button_list"]]
    assert "@帮助" in card.text
    assert "**" not in card.text
    assert "@export" in said[1]
    assert "没有对应的功能" in said[2] or "还没有" in said[2]


async def test_a_file_is_replaced_by_where_it_can_be_had(tmp_path: Path) -> None:
    async with running_service(tmp_path, BOT) as service:
        phone = phone_of(service)
        await phone.say("hello")
        await phone.texts()
        await phone.say("@export md")
        (_, answer) = await phone.texts(count=2, within=60)

    assert "webot export" in answer


async def test_a_group_has_one_history_with_its_speakers(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Says("answer 1"), Says("answer 2"))
    async with running_service(tmp_path, answered_by(model)) as service:
        zhang, li = (phone_of(service, user, "wrGroup") for user in ("zhangsan", "lisi"))
        await zhang.say("@webot first")
        await zhang.texts()
        await li.say("@webot second")

        assert ["answer 1", "answer 2"] == await li.texts(count=2)
    asked = str(model.bodies[1]["messages"])
    assert "zhangsan：first" in asked
    assert "lisi：second" in asked


async def test_an_answer_begun_before_a_restart_ends_in_the_same_stream(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Says("one two three four", hangs_after=3), Says("the answer"))
    environ = {**answered_by(model), "WEBOT_LIMITS__DRAIN_SECONDS": "0.1"}
    async with running_service(tmp_path, environ) as service:
        phone = phone_of(service)
        await phone.say("hello")
        await until(lambda: any("one" in text for text, _ in shown(service)))
        stream_id = service.simulator.bots.poller.shown[0]["id"]
        app = phone.app
    async with running_service(tmp_path, environ) as service:
        new = service.service.channels["bot"].simulated
        assert new is not None
        await until(lambda: model.bodies[1:])
        body = {"msgid": "r1", "aibotid": app.bot_id, "chattype": "single", "from": {"userid": "zhangsan"}}
        asked = {**body, "msgtype": "stream", "stream": {"id": stream_id}}
        answers: list[dict[str, object]] = []
        while not answers or not answers[-1]["finish"]:
            _, answer = await service.simulator.bots.poller.ask(new, {**asked, "aibotid": new.bot_id})
            assert answer is not None
            answers.append(answer["stream"])

    assert "the answer" == answers[-1]["content"]


@pytest.mark.parametrize("mode", ["callback", "connection"])
async def test_thoughts_are_a_folding_block_of_the_stream_and_are_kept_nowhere(
    tmp_path: Path, model: OpenAIServer, mode: str
) -> None:
    model.script(
        Says("<think>let me see </think>one two three", hangs_after=12),
        Says("Paris.", reasoning="is it </think> Paris?"),
        Says("again"),
    )
    environ = {**answered_by(model), "WEBOT_CHANNELS__BOT__MODE": mode, "WEBOT_CHANNELS__BOT__THINKING": "show"}
    async with running_service(tmp_path, environ) as service:
        phone = phone_of(service)
        bots = service.simulator.bots
        if mode == "connection":
            await bots.connected(phone.app)

        def frames() -> list[str]:
            streams = bots.poller.shown if mode == "callback" else [stream for _, stream in bots.shown]
            return [str(stream["content"]) for stream in streams]

        await phone.say("count")
        await until(lambda: any("<think>let me see</think>\n\none" in frame for frame in frames()))
        await phone.say("@stop")
        await phone.texts(count=2)
        await phone.say("capital?")
        said = await phone.texts(count=3)
        await phone.say("and now?")
        await phone.texts(count=4)

        assert "Paris." == said[-1]
        assert "<think>is it <\u200b/think> Paris?</think>\n\nParis." in frames()
    asked = str(model.bodies[-1]["messages"])
    assert "Paris." in asked
    assert "is it" not in asked


@pytest.mark.parametrize("mode", ["callback", "connection"])
async def test_a_file_somebody_sends_is_put_before_the_model_with_its_name_and_pages(
    tmp_path: Path, model: OpenAIServer, mode: str
) -> None:
    model.script(Says("a list"), Says("three pages"))
    environ = {**answered_by(model), "WEBOT_CHANNELS__BOT__MODE": mode}
    with pymupdf.open() as document:
        for text in ("red", "green", "x" * 80):
            document.new_page().insert_text((72, 72), text)
        pages = bytes(document.tobytes())
    async with running_service(tmp_path, environ) as service:
        phone = phone_of(service)
        if mode == "connection":
            await service.simulator.bots.connected(phone.app)
        await phone.send_file("姓名,部门\n张三,研发".encode("gb18030"), "名单.csv")
        await phone.texts()
        await phone.send_file(pages, "plan.pdf")
        await phone.texts(count=2)
        await phone.send_file(b"PK\x03\x04\x00\x00\x00\x00", "a.xlsx")
        await phone.texts(count=3)
        await phone.send_file(b"a" * 70_000, "long.txt")
        said = await phone.texts(count=4)

    asked = [str(body["messages"][-1]["content"]) for body in model.bodies]
    assert ["a list", "three pages"] == said[:2]
    assert "《名单.csv》" in asked[0]
    assert "张三,研发" in asked[0]
    assert "《plan.pdf》（共 3 页）" in asked[1]
    assert "［第 2 页］\n\ngreen" in asked[1]
    assert "PDF" in said[2]
    assert 3 == len(asked)
    assert "没有读完" in asked[2]
    assert 31_000 > len(asked[2])


@pytest.mark.parametrize("mode", ["callback", "connection"])
async def test_files_quoted_or_sent_with_words_are_read_with_the_question(
    tmp_path: Path, model: OpenAIServer, mode: str
) -> None:
    model.script(Says("who"), Says("both"), Says("a list"))
    environ = {**answered_by(model), "WEBOT_CHANNELS__BOT__MODE": mode}
    async with running_service(tmp_path, environ) as running:
        alone = phone_of(running)
        if mode == "connection":
            await running.simulator.bots.connected(alone.app)
        group = running.simulator.phone("lisi", agent_id=alone.app.agent_id, group="wrGroup")
        names, plan = (
            File(group.put("file", text.encode(), name), name)
            for text, name in (("Zhang\n", "names.txt"), ("Monday", "plan.md"))
        )
        sheet = File(group.put("file", b"PK\x03\x04\x00\x00\x00\x00", "a.xlsx"), "a.xlsx")
        await group.do(Text("@bot who is it?"), quote=names)
        await group.texts()
        await group.do(Text("@bot what of both?"), quote=names, attachments=(plan,))
        await group.texts(count=2)
        await group.do(Text("@bot"), quote=names)
        await group.texts(count=3)
        await group.do(Text("@bot and this?"), quote=sheet)
        said = await group.texts(count=4)

    asked = [str(body["messages"][-1]["content"]) for body in model.bodies]
    assert ["who", "both", "a list"] == said[:3]
    assert "PDF" in said[3]
    assert 3 == len(asked)
    assert "文件《names.txt》的内容：\n\nZhang\n\nwho is it?" in asked[0]
    assert "Monday" in asked[1]
    assert "Zhang" in asked[1]
    assert "what of both?" in asked[1]
    assert "《names.txt》" in asked[2]


async def test_more_shows_what_a_stream_and_a_message_had_no_room_for(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Says("".join(f"line {n}\n" for n in range(7000))))
    async with running_service(tmp_path, answered_by(model)) as running:
        phone = phone_of(running)
        await phone.say("write")
        await phone.texts(count=2)
        await phone.say("@more 2")
        said = await phone.texts(count=4)
        await phone.say("@more 9")
        nothing = (await phone.texts(count=5))[-1]

    lines = [line for text in said for line in text.split("\n") if line.startswith("line ")]
    assert [f"line {n}" for n in range(7000)] == lines
    assert "@继续 2" in said[1]
    assert "已经全部显示" in nothing
