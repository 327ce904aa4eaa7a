"""Drawing in plain words: the tool a chain offers its model."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chains.catalog.config import ChainConfig
from chains.models.prices import MILLION
from chains.tooling.executor import ROUNDS
from chains.tools import draw_picture
from pipeline.answer import Notice, Outcome, PartialAnswer, TokenUsage
from pipeline.errors import AnswerFailed
from pipeline.replies import ImageReply, TextReply
from pipeline.spending import SpentTotals
from pipeline.text.i18n import Catalogue
from storage.media.files import MediaFolder
from storage.media.images import StoredImages
from tests.chains.harness import ChainsHarness, open_chains_harness, remembered
from tests.fakes.accounts import FakeAccounts
from tests.fakes.openai_server import Act, Asked, Fails, OpenAIServer, Says

DRAWS = ChainConfig(name="default", tools=("draw_picture",))
ZH = Catalogue("zh")
IMAGES = "/v1/images/generations"


def call(number: int = 1, **arguments: object) -> Mapping[str, Any]:
    written = json.dumps(arguments or {"description": "一只黑猫"}, ensure_ascii=False)
    return {"id": f"call_{number}", "type": "function", "function": {"name": "draw_picture", "arguments": written}}


def asks(*calls: Mapping[str, Any], text: str | None = None) -> Says:
    return Says(text, tool_calls=calls or (call(),), finish="tool_calls")


def chats(server: OpenAIServer) -> list[dict[str, Any]]:
    return [asked.body for asked in server.asked if asked.path != IMAGES]


def drawings(server: OpenAIServer) -> list[dict[str, Any]]:
    return [asked.body for asked in server.asked if asked.path == IMAGES]


class Script(OpenAIServer):
    """Says what is scripted to those who chat, and draws for those who draw."""

    def __init__(self) -> None:
        super().__init__()
        self.says: list[Act] = []
        self.draws: list[Act] = []

    def act_for(self, asked: Asked) -> Act:
        lines = self.draws if asked.path == IMAGES else self.says
        if lines:
            self.script(lines.pop(0))
        return super().act_for(asked)


@pytest.fixture
async def model() -> AsyncIterator[Script]:
    async with Script() as opened:
        yield opened


@asynccontextmanager
async def drawing_harness(
    folder: Path,
    model: OpenAIServer,
    chain: ChainConfig = DRAWS,
    **more: Any,  # noqa: ANN401
) -> AsyncIterator[ChainsHarness]:
    image = {"model": "painter", "base_url": model.base_url, "max_retries": 0, "call_price": 0.25}
    pictures = StoredImages(MediaFolder(folder / "media"))
    async with open_chains_harness(
        model.base_url, chain=chain, models={"image": image}, pictures=pictures, **more
    ) as it:
        yield it


@pytest.mark.parametrize("streams", [False, True])
async def test_plain_words_draw_where_the_chain_allows_it(tmp_path: Path, model: Script, *, streams: bool) -> None:
    model.says += [asks(), Says("给你，一只黑猫。")]
    async with drawing_harness(tmp_path, model) as it:
        steps = await it.steps("画一只黑猫", streams=streams)

    outcome = steps[-1]
    assert isinstance(outcome, Outcome)
    text, picture = outcome.replies
    said = remembered(outcome)
    assert isinstance(picture, ImageReply)
    assert TextReply("给你，一只黑猫。") == text
    assert [Notice(ZH.text("image.drawing"))] == [step for step in steps if isinstance(step, Notice)]
    assert (("画一只黑猫", "给你，一只黑猫。"), (picture.media,), False) == (
        (said.exchange.question, said.exchange.answer),
        said.exchange.drawn,
        said.is_command,
    )
    assert (22, 14) == (said.provenance.input_tokens, said.provenance.output_tokens)
    assert ["一只黑猫"] == [body["prompt"] for body in drawings(model)]
    assert not streams or any(isinstance(step, PartialAnswer) for step in steps)


async def test_a_picture_costs_beside_the_words_and_is_the_painters(tmp_path: Path, model: Script) -> None:
    model.says += [asks(), Says("给你。")]
    async with drawing_harness(tmp_path, model, input_price=2.0) as it:
        made_by = remembered(await it.outcome("画一只黑猫")).provenance

    assert (TokenUsage("painter", 0, 0, 250_000),) == made_by.other_usage
    assert 22 * 2 + 250_000 == made_by.cost


async def test_what_was_taken_before_a_failure_is_told(tmp_path: Path, model: Script) -> None:
    model.says += [asks(), Fails(500)]
    async with drawing_harness(tmp_path, model, input_price=2.0) as it:
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome("画一只黑猫")

    (wasted,) = failed.value.wasted
    assert ("test-model", 11 * 2 + 250_000) == (wasted.provenance.model, wasted.provenance.cost)


async def test_a_model_without_a_price_is_offered_no_drawing_that_the_budget_cannot_pay(
    tmp_path: Path, model: Script
) -> None:
    spent = FakeAccounts(SpentTotals(MILLION, MILLION))
    async with drawing_harness(tmp_path, model, spending=spent, budgets={"per_user_per_day": 1.0}) as it:
        await it.outcome("画一只黑猫")

    assert "tools" not in chats(model)[0]


async def test_the_model_is_told_what_the_tool_is_and_that_it_is_done(tmp_path: Path, model: Script) -> None:
    model.says += [asks(text="我来画。"), Says("给你。")]
    async with drawing_harness(tmp_path, model) as it:
        await it.outcome("画一只黑猫")

    first, second = chats(model)
    (tool,) = first["tools"]
    assert ("draw_picture", ["description"]) == (tool["function"]["name"], tool["function"]["parameters"]["required"])
    *_, asked, answer = second["messages"]
    assert ("assistant", "我来画。", "call_1") == (asked["role"], asked["content"], asked["tool_calls"][0]["id"])
    assert ("tool", "call_1") == (answer["role"], answer["tool_call_id"])
    assert "base64" not in json.dumps(second)


async def test_a_picture_without_words_gets_some(tmp_path: Path, model: Script) -> None:
    model.says += [asks(), Says("")]
    async with drawing_harness(tmp_path, model) as it:
        text, _ = (await it.outcome("画一只黑猫")).replies

    assert TextReply(ZH.text("image.here")) == text


async def test_a_size_the_model_asks_for_reaches_the_painter(tmp_path: Path, model: Script) -> None:
    model.says += [
        asks(call(1, description="猫", size="1024 × 1536"), call(2, description="狗", size="big")),
        Says("给你"),
    ]
    async with drawing_harness(tmp_path, model) as it:
        outcome = await it.outcome("画一只猫和一只狗")

    assert [("猫", "1024x1536"), ("狗", None)] == [(body["prompt"], body.get("size")) for body in drawings(model)]
    assert 3 == len(outcome.replies)


async def test_a_refused_picture_is_the_models_to_explain(tmp_path: Path, model: Script) -> None:
    model.draws += [Fails(400, code="moderation_blocked")]
    model.says += [asks(), Says("这个画不了，换一个吧。")]
    async with drawing_harness(tmp_path, model) as it:
        outcome = await it.outcome("画不好的东西")

    assert (TextReply("这个画不了，换一个吧。"),) == outcome.replies
    assert "内容安全" in chats(model)[1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "call_1", "type": "function", "function": {"name": "rm_rf", "arguments": "{}"}},
        {"id": "call_1", "type": "function", "function": {"name": "draw_picture", "arguments": "{}"}},
        {"id": "call_1", "type": "function", "function": {"name": "draw_picture", "arguments": '{"description": 7}'}},
    ],
    ids=["a tool there is not", "no arguments", "arguments of a wrong type"],
)
async def test_a_call_that_makes_no_sense_is_said_to_the_model(
    tmp_path: Path, model: Script, wrong: Mapping[str, Any]
) -> None:
    model.says += [asks(wrong), Says("好吧。")]
    async with drawing_harness(tmp_path, model) as it:
        outcome = await it.outcome("画一只黑猫")

    assert (TextReply("好吧。"),) == outcome.replies
    assert chats(model)[1]["messages"][-1]["content"].startswith("Not done")
    assert [] == drawings(model)


async def test_a_model_that_never_stops_asking_has_to_answer(tmp_path: Path, model: Script) -> None:
    model.says += [*[asks(call(1), call(2))] * ROUNDS, Says("停。")]
    async with drawing_harness(tmp_path, model) as it:
        outcome = await it.outcome("画画画")

    assert TextReply("停。") == outcome.replies[0]
    assert draw_picture.TOOL.most == len(drawings(model))
    assert [None] * ROUNDS + ["none"] == [body.get("tool_choice") for body in chats(model)]


async def test_a_model_that_takes_no_tools_is_asked_without_them_from_then_on(tmp_path: Path, model: Script) -> None:
    model.says += [Fails(400, message="tools is not supported"), Says("你好。"), Says("又见面了。")]
    async with drawing_harness(tmp_path, model) as it:
        said = [await it.said("你好"), await it.said("再来")]

    assert ["你好。", "又见面了。"] == said
    assert [True, False, False] == ["tools" in body for body in chats(model)]


async def test_another_refusal_stays_one(tmp_path: Path, model: Script) -> None:
    model.says += [Fails(400), Fails(400), Says("好了。")]
    async with drawing_harness(tmp_path, model) as it:
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome("你好")
        await it.said("你好")

    assert "model.refused" == failed.value.reason
    assert [True, False, True] == ["tools" in body for body in chats(model)]


async def test_a_fault_between_the_rounds_is_told(tmp_path: Path, model: Script) -> None:
    model.says += [asks(), Fails(500)]
    async with drawing_harness(tmp_path, model) as it:
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome("画一只黑猫")

    assert "model.broken" == failed.value.reason


async def test_where_nothing_draws_or_the_chain_does_not_say_so_no_tool_is_offered(
    tmp_path: Path, model: Script
) -> None:
    pictures = StoredImages(MediaFolder(tmp_path))
    async with drawing_harness(tmp_path, model, ChainConfig(name="default")) as it:
        await it.outcome("你好")
    async with open_chains_harness(model.base_url, chain=DRAWS, pictures=pictures) as it:
        await it.outcome("你好")

    assert [False, False] == ["tools" in body for body in chats(model)]


async def test_the_demo_needs_no_tools(tmp_path: Path) -> None:
    async with open_chains_harness(chain=DRAWS, pictures=StoredImages(MediaFolder(tmp_path))) as it:
        assert "演示" in await it.said("画一只黑猫")
