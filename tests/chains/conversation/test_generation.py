"""What comes of asking a model that cuts answers off, says nothing, or takes only a part of what was said before."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from chains.catalog.config import ChainConfig
from pipeline import metrics
from pipeline.answer import CUTS, Conversation, Exchange
from pipeline.errors import AnswerFailed
from pipeline.replies import TextReply
from pipeline.text.i18n import Catalogue
from tests.chains.harness import PLAIN_CHAIN, ChainsHarness, RecentMemory, open_chains_harness, remembered
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Raw, Says

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TALK = tuple(Exchange(f"问{number}", f"答{number}") for number in range(8))


def open_talk(exchanges: tuple[Exchange, ...] = TALK) -> RecentMemory:
    return RecentMemory(exchanges, conversation=Conversation(1, 1, len(exchanges), AT, AT))


async def texts(it: ChainsHarness, question: str = "你好") -> list[str]:
    replies = (await it.outcome(question)).replies
    assert all(isinstance(reply, TextReply) for reply in replies)
    return [reply.text for reply in replies if isinstance(reply, TextReply)]


async def sentence(key: str, **blanks: object) -> str:
    words = await asyncio.to_thread(Catalogue, "zh")
    return words.text(key, **blanks)


def counted_cut(reason: str) -> float:
    return metrics.REGISTRY.get_sample_value("webot_answers_cut_total", {"reason": reason}) or 0.0


@asynccontextmanager
async def line(
    chain: ChainConfig = PLAIN_CHAIN,
) -> AsyncIterator[tuple[OpenAIServer, OpenAIServer, ChainsHarness]]:
    """Open chains with a model and the one behind it."""
    async with OpenAIServer() as first, OpenAIServer() as second:
        backup = {"model": "backup-model", "base_url": second.base_url, "max_retries": 0}
        async with open_chains_harness(
            first.base_url, models={"backup": backup}, fallbacks=("backup",), chain=chain
        ) as it:
            yield first, second, it


@pytest.mark.parametrize(
    ("finish", "cut"),
    [
        ("length", "length"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("max_output_tokens", "length"),
        ("model_length", "length"),
        ("model_context_window_exceeded", "length"),
        ("content_filter", "filtered"),
        ("SAFETY", "filtered"),
        ("RECITATION", "filtered"),
        ("sensitive", "filtered"),
        ("guardrail_intervened", "filtered"),
        ("insufficient_system_resource", "interrupted"),
        ("network_error", "interrupted"),
        ("abort", "interrupted"),
        ("error", "interrupted"),
    ],
)
async def test_an_answer_that_is_cut_off_says_so_and_is_marked(server: OpenAIServer, finish: str, cut: str) -> None:
    server.script(Says("第一，先准备", finish=finish))
    before = counted_cut(cut)
    async with open_chains_harness(server.base_url) as it:
        outcome = await it.outcome("怎么做")

    assert before + 1 == counted_cut(cut)
    assert (TextReply("第一，先准备"), TextReply(await sentence(f"turn.cut_{cut}"))) == outcome.replies
    assert ("第一，先准备", cut) == (remembered(outcome).exchange.answer, remembered(outcome).provenance.cut)


@pytest.mark.parametrize("finish", ["stop", "end_turn", "STOP", "eos_token", "stop_sequence", "complete", "tool_calls"])
async def test_a_whole_answer_says_nothing_more(server: OpenAIServer, finish: str) -> None:
    before = [counted_cut(cut) for cut in CUTS]
    server.script(Says("好", finish=finish))
    async with open_chains_harness(server.base_url) as it:
        assert ["好"] == await texts(it)
    assert before == [counted_cut(cut) for cut in CUTS]


EMPTY = [
    pytest.param(Says(""), "model.empty", id="nothing"),
    pytest.param(Says("\u200b\u200b"), "model.empty", id="characters without width"),
    pytest.param(Says("\ufeff \u2060"), "model.empty", id="a byte order mark"),
    pytest.param(Says("\u3000\u00a0\n"), "model.empty", id="white space of every kind"),
    pytest.param(Says("", reasoning="hm"), "model.empty", id="thoughts"),
    pytest.param(Says("<|im_end|>"), "model.empty", id="a token that ends a turn"),
    pytest.param(Says("</s>"), "model.empty", id="another such token"),
    pytest.param(Says("<think>hm", finish="length"), "model.no_room", id="a thought without end"),
    pytest.param(Says(None, reasoning="hm", finish="length"), "model.no_room", id="thoughts until the room is used up"),
    pytest.param(Says(None, finish="MAX_TOKENS"), "model.no_room", id="no room at all"),
    pytest.param(Says("", finish="content_filter"), "model.filtered", id="what a filter left"),
    pytest.param(Says("", finish="insufficient_system_resource"), "model.broken", id="what a fault left"),
]


@pytest.mark.parametrize(("act", "reason"), EMPTY)
async def test_an_answer_that_says_nothing_is_told_with_what_helps(
    server: OpenAIServer, act: Says, reason: str
) -> None:
    server.script(act)
    async with open_chains_harness(server.base_url) as it:
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome("hi")

    assert reason == failed.value.reason
    assert 1 == len(failed.value.wasted)


@pytest.mark.parametrize("act", [param.values[0] for param in EMPTY], ids=[param.id for param in EMPTY])
async def test_the_fallback_is_asked_where_a_model_says_nothing(act: Says) -> None:
    async with line() as (first, second, it):
        first.script(act)
        second.script(Says("有", model="backup-model"))
        outcome = await it.outcome("hi")

    made = remembered(outcome).provenance
    assert ((TextReply("有"),), "backup-model") == (outcome.replies, made.model)
    assert ["test-model"] == [each.model for each in made.other_usage]


async def test_the_first_of_a_line_speaks_where_none_says_anything() -> None:
    async with line() as (first, second, it):
        first.script(Says("<think>", finish="length"))
        second.script(Says(""))
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome("hi")

    assert ("model.no_room", "default") == (failed.value.reason, str(failed.value)[8:15])


async def test_a_tool_is_not_used_twice_because_the_model_then_says_nothing() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "current_time", "arguments": "{}"}}
    async with line(chain=ChainConfig(name="default", tools=("current_time",))) as (first, second, it):
        first.script(Says(None, tool_calls=(call,), finish="tool_calls"), Says("\u200b"))
        second.script(Says("中午"))
        outcome = await it.outcome("几点了")

    assert ["user", "assistant", "tool"] == [each["role"] for each in second.bodies[0]["messages"]]
    assert 1 == len(remembered(outcome).provenance.tools)


def full(most: int) -> Mapping[str, Any]:
    """Refuse whatever has more messages than that, in the words of vLLM."""

    def otherwise(body: Mapping[str, Any]) -> Act:
        if len(body["messages"]) <= most:
            return Says(f"有{len(body['messages'])}条")
        return Fails(400, message="This model's maximum context length is 99 tokens. Please reduce the length.")

    return {"otherwise": otherwise}


@pytest.mark.parametrize(("most", "kept"), [(9, 9), (5, 5), (4, 3), (1, 1)])
async def test_a_conversation_that_is_too_long_loses_its_oldest_and_says_so_once(most: int, kept: int) -> None:
    memory = open_talk()
    async with OpenAIServer(**full(most)) as server, open_chains_harness(server.base_url, memory=memory) as it:
        first = await texts(it)
        asked = len(server.bodies)
        memory.conversation = Conversation(1, 1, len(TALK) + 1, AT, AT)
        memory.exchanges = (*TALK, Exchange("你好", first[0]))
        again = await texts(it)

    assert [f"有{kept}条", await sentence("turn.history_too_long")] == first
    assert 1 == len(again)
    assert "你好" == server.bodies[asked - 1]["messages"][-1]["content"]


async def test_a_question_that_is_too_long_by_itself_says_so() -> None:
    async with OpenAIServer(**full(0)) as server, open_chains_harness(server.base_url, memory=open_talk()) as it:
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome("长" * 1000)

    assert "model.too_long" == failed.value.reason


def prudish(body: Mapping[str, Any]) -> Act:
    """Refuse what was said before, as Azure and Qwen do."""
    if any("问3" in str(each["content"]) for each in body["messages"]):
        return Fails(400, code="data_inspection_failed", message="Input data may contain inappropriate content.")
    return Says("好的")


def silent(body: Mapping[str, Any]) -> Act:
    """Refuse what was said before, as Zhipu does: with an answer that is none."""
    answer = prudish(body)
    return Says("", finish="sensitive") if isinstance(answer, Fails) else answer


@pytest.mark.parametrize("otherwise", [prudish, silent])
async def test_an_exchange_that_a_filter_refuses_blocks_no_later_question(otherwise: Any) -> None:  # noqa: ANN401
    memory = open_talk()
    async with OpenAIServer(otherwise=otherwise) as server, open_chains_harness(server.base_url, memory=memory) as it:
        first = await texts(it)
        memory.conversation = Conversation(1, 1, len(TALK) + 1, AT, AT)
        memory.exchanges = (*TALK, Exchange("你好", "好的"))
        before = len(server.bodies)
        second = await texts(it, "再问")

    assert ["好的", await sentence("turn.history_filtered")] == first
    assert ["好的"] == second
    assert ["你好", "好的", "再问"] == [each["content"] for each in server.bodies[-1]["messages"]]
    assert 1 == len(server.bodies) - before


async def test_a_question_that_a_filter_refuses_is_refused_once_more_and_told(server: OpenAIServer) -> None:
    refusal = Fails(400, code="content_filter", message="The response was filtered by the content management policy")
    server.script(refusal, refusal)
    async with open_chains_harness(server.base_url, memory=open_talk()) as it:
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome("hi")

    assert ("model.filtered", 2) == (failed.value.reason, len(server.bodies))


async def test_tokens_that_nobody_counts_are_estimated_and_marked(server: OpenAIServer) -> None:
    server.script(Says("很高兴认识您", usage=None))
    async with open_chains_harness(server.base_url, input_price=2.0, output_price=8.0) as it:
        made = remembered(await it.outcome("你" * 100)).provenance

    assert 60 < made.input_tokens < 100
    assert 3 < made.output_tokens < 10
    assert made.input_tokens + made.output_tokens == made.estimated
    assert made.cost == made.input_tokens * 2 + made.output_tokens * 8


async def test_tokens_that_the_provider_counts_are_not_estimated(server: OpenAIServer) -> None:
    async with open_chains_harness(server.base_url, input_price=2.0) as it:
        assert 0 == remembered(await it.outcome("hi")).provenance.estimated
    async with open_chains_harness() as demo:
        assert 0 == remembered(await demo.outcome("hi")).provenance.estimated


async def test_options_of_a_chain_that_only_its_model_may_know_go_to_no_fallback() -> None:
    chain = ChainConfig(
        name="default", options={"top_k": 3, "thinking": {"type": "disabled"}, "temperature": 0.1}, answer_format="json"
    )
    async with line(chain=chain) as (first, second, it):
        first.script(Fails(500))
        second.script(Says('{"a": 1}'))
        await it.outcome("hi")

    assert (3, 0.1) == (first.bodies[0]["top_k"], first.bodies[0]["temperature"])
    assert not {"top_k", "thinking"} & second.bodies[0].keys()
    assert 0.1 == second.bodies[0]["temperature"]
    assert {"type": "json_object"} == first.bodies[0]["response_format"] == second.bodies[0]["response_format"]


async def test_a_body_that_is_no_answer_is_still_garbled(server: OpenAIServer) -> None:
    server.script(Raw(b"<html>"))
    async with open_chains_harness(server.base_url, memory=open_talk()) as it:
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome("hi")

    assert "model.garbled" == failed.value.reason
