"""The tool loop against servers as they are: calls of every shape run, are given back as they came, and end."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chains.catalog.config import ChainConfig
from pipeline.replies import TextReply
from tests.chains.harness import open_chains_harness, remembered
from tests.fakes.openai_server import Act, OpenAIServer, Raw, Says

CLOCK = ChainConfig(name="default", tools=("current_time",))
NAME = "current_time"


def whole(**message: object) -> Raw:
    return Raw(json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", **message}}]}).encode())


def streamed(*deltas: Mapping[str, Any]) -> Raw:
    events = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    return Raw("".join(f"data: {json.dumps(event)}\n\n" for event in events).encode() + b"data: [DONE]\n\n")


def call(arguments: object = "{}", **more: object) -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": NAME, "arguments": arguments}, **more}


CALLS = [
    pytest.param(whole(content=None, tool_calls=[call()]), id="as it should be"),
    pytest.param(whole(content="", tool_calls=[{"id": "c1", "function": {"name": NAME}}]), id="no arguments"),
    pytest.param(whole(content=None, tool_calls=[call(None)]), id="null for arguments"),
    pytest.param(whole(content=None, tool_calls=[call("")]), id="empty arguments"),
    pytest.param(whole(content=None, tool_calls=[call({})]), id="arguments as an object"),
    pytest.param(whole(content=None, tool_calls=[call(json.dumps("{}"))]), id="JSON within JSON"),
    pytest.param(whole(content=None, tool_calls=call()), id="one call and no list"),
    pytest.param(whole(content=None, tool_calls=[{"name": NAME, "arguments": {}}]), id="a flat call"),
    pytest.param(whole(content=None, tool_calls=[call(id="")]), id="an empty id"),
    pytest.param(whole(content=None, tool_calls=[call(id=None)]), id="null for an id"),
    pytest.param(whole(content=None, tool_calls=[call(id=7)]), id="a number for an id"),
    pytest.param(whole(content=None, tool_calls=[call(), call()]), id="two of one id"),
    pytest.param(whole(content=None, function_call={"name": NAME, "arguments": "{}"}), id="the first protocol's"),
    pytest.param(
        whole(content=f'<tool_call>{{"name": "{NAME}", "arguments": {{}}}}</tool_call>'), id="Qwen's in words"
    ),
    pytest.param(whole(content=f'[TOOL_CALLS][{{"name": "{NAME}", "arguments": {{}}}}]'), id="Mistral's in words"),
    pytest.param(whole(content=f'<|tool_call|>[{{"name": "{NAME}", "arguments": {{}}}}]'), id="Granite's in words"),
    pytest.param(whole(content=f"<function={NAME}>{{}}</function>"), id="Llama's in words"),
    pytest.param(whole(content=f'```json\n{{"name": "{NAME}", "arguments": {{}}}}\n```'), id="a block of JSON"),
    pytest.param(
        whole(content=f"<|channel|>commentary to=functions.{NAME}<|message|>{{}}<|call|>"), id="gpt-oss's in words"
    ),
    pytest.param(
        streamed(
            {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": NAME, "arguments": ""}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
        ),
        id="in pieces",
    ),
    pytest.param(
        streamed(
            {"tool_calls": [{"id": "c1", "function": {"name": NAME, "arguments": "{"}}]},
            {"tool_calls": [{"id": "c1", "function": {"name": NAME, "arguments": "}"}}]},
        ),
        id="in pieces without an index, all repeated",
    ),
    pytest.param(
        streamed({"tool_calls": [{"function": {"name": NAME}}]}, {"tool_calls": [{"function": {"arguments": "{}"}}]}),
        id="in pieces without index and id",
    ),
    pytest.param(
        streamed({"function_call": {"name": NAME, "arguments": ""}}, {"function_call": {"arguments": "{}"}}),
        id="the first protocol's in pieces",
    ),
]


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "in drafts"])
async def test_a_call_of_any_shape_is_run_and_given_back_as_strict_servers_want_it(*, streams: bool) -> None:
    wrong: dict[str, object] = {}
    async with OpenAIServer() as server, open_chains_harness(server.base_url, chain=CLOCK) as it:
        for shape in CALLS:
            before = len(server.bodies)
            server.script(*shape.values, Says("三点。"))  # type: ignore[arg-type]
            outcome = await it.outcome("几点？", streams=streams)
            messages = server.bodies[-1]["messages"]
            ids = [each["id"] for message in messages for each in message.get("tool_calls", ())]
            answered = [message["tool_call_id"] for message in messages if message["role"] == "tool"]
            arguments = [each["function"]["arguments"] for m in messages for each in m.get("tool_calls", ())]
            found = (
                outcome.replies,
                {use.outcome for use in remembered(outcome).provenance.tools},
                len(server.bodies) - before,
                bool(ids) and len(set(ids)) == len(ids) and all(isinstance(each, str) and each for each in ids),
                ids == answered,
                {json.dumps(json.loads(each)) for each in arguments},
            )
            if found != ((TextReply("三点。"),), {"done"}, 2, True, True, {"{}"}):
                wrong[str(shape.id)] = found

    assert {} == wrong


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "in drafts"])
@pytest.mark.parametrize(
    "beside",
    [
        pytest.param({"reasoning_content": "hm\n hm"}, id="reasoning_content"),
        pytest.param({"reasoning_content": ""}, id="an empty one"),
        pytest.param({"reasoning": "hm"}, id="reasoning"),
        pytest.param({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}, id="signed details"),
    ],
)
async def test_thoughts_beside_a_call_are_given_back_as_they_came_and_in_no_later_question(
    server: OpenAIServer, beside: dict[str, Any], *, streams: bool
) -> None:
    asked = streamed({"tool_calls": [{"index": 0, **call(extra_content={"signature": "s"})}], **beside})
    server.script(asked, Says("三点。"), Says("四点。"))
    async with open_chains_harness(server.base_url, chain=CLOCK) as it:
        await it.outcome("几点？", streams=streams)
        await it.outcome("现在呢？", streams=streams)

    given_back = server.bodies[1]["messages"][-2]
    assert beside == {key: given_back[key] for key in beside}
    assert {"signature": "s"} == given_back["tool_calls"][0]["extra_content"]
    assert not any(key in message for key in beside for message in server.bodies[2]["messages"])


async def test_no_thoughts_are_given_to_a_server_that_sent_none(server: OpenAIServer) -> None:
    server.script(whole(content=None, tool_calls=[call()]), Says("三点。"))
    async with open_chains_harness(server.base_url, chain=CLOCK) as it:
        await it.outcome("几点？")

    assert {"role", "content", "tool_calls"} == server.bodies[1]["messages"][-2].keys()


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "in drafts"])
@pytest.mark.parametrize("written", [False, True], ids=["as calls", "in words"])
async def test_a_model_that_calls_a_tool_whenever_it_is_shown_one_answers_in_the_end(
    *, streams: bool, written: bool
) -> None:
    said = whole(content=f'<tool_call>{{"name": "{NAME}", "arguments": {{}}}}</tool_call>')

    def otherwise(body: Mapping[str, Any]) -> Act:
        if "tools" not in body:
            return Says("三点。")
        return said if written else Says(None, tool_calls=(call(),), finish="tool_calls")

    async with OpenAIServer(otherwise=otherwise) as server, open_chains_harness(server.base_url, chain=CLOCK) as it:
        outcome = await it.outcome("几点？", streams=streams)

        assert (TextReply("三点。"),) == outcome.replies
        assert len(server.bodies) <= 7


@pytest.mark.parametrize(
    "said",
    [
        pytest.param('用 `<tool_call>{"name": "current_time"}</tool_call>` 调用。', id="in code"),
        pytest.param('{"name": "Bob", "parameters": {}}', id="JSON of something else"),
        pytest.param('```json\n{"name": "current_time", "id": 3}\n```', id="no call"),
        pytest.param('例如：\n```json\n{"name": "other", "arguments": {}}\n```', id="a tool that nobody offered"),
    ],
)
async def test_what_only_looks_like_a_call_is_said(server: OpenAIServer, said: str) -> None:
    server.script(Says(said))
    async with open_chains_harness(server.base_url, chain=CLOCK) as it:
        assert said == await it.said("怎么调用？")
