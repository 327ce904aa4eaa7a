"""Commands in a bot's group: what concerns the conversation concerns the group, what concerns a person that person."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.simulator.phone import Phone
from chains.persona_library import personas
from pipeline.events import Text
from storage.conversations.ratings import latest_rated
from tests.fakes.openai_server import OpenAIServer, Says
from tests.service import RunningService, running_service


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def service(tmp_path: Path, environ: Mapping[str, str]) -> AsyncIterator[RunningService]:
    async with with_bot(tmp_path, environ) as opened:
        yield opened


@pytest.fixture
def environ(model: OpenAIServer) -> dict[str, str]:
    environ = {"WEBOT_CHANNELS__BOT__KIND": "wecom_aibot"}
    for name in ("DEFAULT", "OTHER"):
        environ |= {
            f"WEBOT_MODELS__{name}__BASE_URL": model.base_url,
            f"WEBOT_MODELS__{name}__API_KEY": "sk-test-0123456789",
            f"WEBOT_MODELS__{name}__MODEL": f"{name.lower()}-model",
        }
    return environ | {"WEBOT_MODELS__OTHER__USERS": '["*"]'}


@asynccontextmanager
async def with_bot(folder: Path, environ: Mapping[str, str]) -> AsyncIterator[RunningService]:
    async with running_service(folder, environ) as opened:
        app = opened.service.channels["bot"].simulated
        assert app is not None
        await opened.simulator.bots.connected(app)
        yield opened


class Group:
    """Two members in a group, and what came there."""

    def __init__(self, service: RunningService) -> None:
        app = service.service.channels["bot"].simulated
        assert app is not None
        self.alone = service.simulator.phone("zhangsan", agent_id=app.agent_id)
        self.zhang, self.li = (
            service.simulator.phone(user, agent_id=app.agent_id, group="wrGroup") for user in ("zhangsan", "lisi")
        )
        self._came = 0

    async def said(self, phone: Phone, text: str) -> str:
        """Say something to the bot and return what came last for it."""
        await phone.say(f"@bot {text}")
        self._came += 1
        return (await phone.texts(count=self._came))[-1]


async def test_a_persona_and_a_new_beginning_are_the_groups(service: RunningService, model: OpenAIServer) -> None:
    group = Group(service)
    await group.said(group.zhang, "first")
    await group.said(group.zhang, "@prompt-set be a pirate")
    await group.said(group.li, "second")
    await group.alone.say("alone")
    await group.alone.texts()
    history = await group.said(group.li, "@history")
    await group.said(group.li, "@clear")
    await group.said(group.zhang, "third")
    of_li, alone, after = (str(body["messages"]) for body in model.bodies[1:])

    assert "be a pirate" in of_li
    assert "first" in of_li
    assert "be a pirate" not in alone
    assert "first" in history
    assert "alone" not in history
    assert "second" not in after
    assert "be a pirate" not in after


async def test_a_persona_out_of_the_library_is_the_groups(service: RunningService, model: OpenAIServer) -> None:
    group = Group(service)
    (first, *_) = await asyncio.to_thread(personas, None, "zh")
    await group.said(group.zhang, f"@role {first.number}")
    await group.said(group.li, "to the group")
    await group.alone.say("alone")
    await group.alone.texts()
    in_group, alone = (str(body["messages"]) for body in model.bodies)
    beginning = first.prompt.strip().splitlines()[0]

    assert beginning in in_group
    assert beginning not in alone


async def test_what_somebody_used_in_a_group_and_alone_is_theirs_wherever_they_ask(
    service: RunningService, model: OpenAIServer
) -> None:
    model.script(Says("one", usage=(1100, 70)), Says("two", usage=(2200, 80)), Says("three", usage=(5500, 90)))
    group = Group(service)
    await group.said(group.zhang, "in the group")
    await group.said(group.li, "in the group")
    await group.alone.say("alone")
    await group.alone.texts()
    of_zhang = await group.said(group.zhang, "@usage")
    of_li = await group.said(group.li, "@usage")
    await group.alone.say("@usage")
    of_zhang_alone = (await group.alone.texts(count=2))[-1]

    assert of_zhang == of_zhang_alone
    assert ("6,600" in of_zhang, "2,200" in of_zhang) == (True, False)
    assert ("6,600" in of_li, "2,200" in of_li) == (False, True)


async def test_a_budget_that_one_has_spent_in_a_group_is_not_spent_for_the_others(
    tmp_path: Path, environ: dict[str, str], model: OpenAIServer
) -> None:
    model.script(Says("of Zhang", usage=(1_000_000, 7)), Says("of Li"))
    dear = {"WEBOT_MODELS__DEFAULT__INPUT_PRICE": "2", "WEBOT_BUDGETS__PER_USER_PER_DAY": "1"}
    async with with_bot(tmp_path, environ | dear) as service:
        group = Group(service)
        first = await group.said(group.zhang, "hello")
        spent = await group.said(group.zhang, "again")
        other = await group.said(group.li, "hello")
        await group.alone.say("alone")
        (alone,) = await group.alone.texts()

    assert ("of Zhang", "of Li") == (first, other)
    assert "您今天的额度已经用完" in spent
    assert "您今天的额度已经用完" in alone
    assert 2 == len(model.bodies)


async def test_one_who_writes_too_often_in_a_group_holds_up_nobody_else(
    tmp_path: Path, environ: dict[str, str], model: OpenAIServer
) -> None:
    model.script(Says("of Zhang"), Says("of Li"))
    async with with_bot(tmp_path, environ | {"WEBOT_LIMITS__PER_USER_PER_MINUTE": "1"}) as service:
        group = Group(service)
        first = await group.said(group.zhang, "hello")
        too_often = await group.said(group.zhang, "again")
        other = await group.said(group.li, "hello")

    assert ("of Zhang", "of Li") == (first, other)
    assert "有点快" in too_often


async def test_a_model_is_chosen_by_each_for_themselves(service: RunningService, model: OpenAIServer) -> None:
    group = Group(service)
    await group.said(group.zhang, "@model other")
    await group.said(group.zhang, "mine")
    await group.said(group.li, "yours")

    assert ["other-model", "default-model"] == [body["model"] for body in model.bodies]


async def test_an_export_is_one_document_of_the_group_with_its_speakers(
    service: RunningService, model: OpenAIServer
) -> None:
    model.script(Says("answer 1"), Says("answer 2"), Says("a secret answer"))
    group = Group(service)
    await group.said(group.zhang, "of Zhang")
    await group.said(group.li, "of Li")
    await group.alone.say("a secret")
    await group.alone.texts()
    await group.li.say("@bot @export md")
    files = [message.media for message in await group.li.messages(count=4, within=60) if message.media]
    (label,) = files
    document = service.simulator.media(label.media_id, agent_id=group.li.app.agent_id).data.decode()

    assert "secret" not in document
    assert all(words in document for words in ("zhangsan", "of Zhang", "answer 1", "lisi", "of Li", "answer 2"))


async def test_a_mention_alone_asks_what_is_wanted_and_with_a_quote_asks_the_quote(
    service: RunningService, model: OpenAIServer
) -> None:
    group = Group(service)
    alone = await group.said(group.zhang, "")
    asked = len(model.bodies)
    model.script(Says("the quote's answer"))
    await group.li.do(Text("@bot"), quote=Text("what is a lane?"))
    quoted = (await group.li.texts(count=2))[-1]

    assert 0 == asked
    assert 0 < len(alone) < 200
    assert "the quote's answer" == quoted
    assert "what is a lane?" in str(model.bodies[-1]["messages"][-1])


async def test_each_judges_the_answer_to_their_own_question_and_nobody_elses(
    service: RunningService, model: OpenAIServer
) -> None:
    model.script(Says("of Zhang"), Says("of Li"))
    group = Group(service)
    await group.said(group.zhang, "one")
    nothing = await group.said(group.li, "@good")
    await group.said(group.li, "two")
    await group.said(group.zhang, "@bad too short")
    await group.said(group.li, "@good")
    rated = await latest_rated(service.service.database, "default", last=9, users=("*",))

    assert "还没有" in nothing
    assert [(True, "of Li", ""), (False, "of Zhang", "too short")] == [
        (each.good, each.answer, each.why) for each in rated
    ]
