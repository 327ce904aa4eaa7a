"""Our quick client sends what the library's own sends, and hears what it hears."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI

from chains.models.openai.openai_chat import FastChatOpenAI, pause_of
from chains.models.openai.transport import open_client
from tests.fakes.openai_server import Act, Breaks, Fails, OpenAIServer, Raw, Says

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tell the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CALL = {"id": "call-1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "广州"}'}}

CONVERSATIONS = [
    pytest.param([HumanMessage("你好 😀")], id="one message"),
    pytest.param(
        [SystemMessage("Be brief."), HumanMessage("One?"), AIMessage("1"), HumanMessage("Two?")], id="several turns"
    ),
    pytest.param(
        [
            HumanMessage("Weather?"),
            AIMessage("", tool_calls=[{"id": "call-1", "name": "weather", "args": {"city": "广州"}}]),
            ToolMessage("sunny", tool_call_id="call-1"),
            HumanMessage("And now?"),
        ],
        id="a tool was called",
    ),
    pytest.param(
        [
            HumanMessage(
                content_blocks=[
                    {"type": "text", "text": "What is this?"},
                    {"type": "image", "base64": PIXEL, "mime_type": "image/png"},
                ]
            )
        ],
        id="a picture",
    ),
]

OPTIONS: list[Any] = [
    pytest.param({}, id="no options"),
    pytest.param({"temperature": 0.2, "stop": ["END"], "seed": 7}, id="the protocol's options"),
    pytest.param({"extra_body": {"max_tokens": 5, "enable_thinking": False}}, id="a provider's own options"),
]

ANSWERS = [
    pytest.param(Says("Hello there."), id="words"),
    pytest.param(Says(None, tool_calls=(CALL,), finish="tool_calls"), id="a tool call"),
    pytest.param(Says("Hello.", usage=None), id="no tokens counted"),
]


def both(server: OpenAIServer, **options: object) -> tuple[ChatOpenAI, FastChatOpenAI]:
    common: dict[str, Any] = {
        "model": "test-model",
        "base_url": server.base_url,
        "api_key": "key",
        "stream_usage": True,
        "http_async_client": open_client(proxy=""),
        **options,
    }
    return ChatOpenAI(**common), FastChatOpenAI(**common)


async def closed(*models: ChatOpenAI) -> None:
    for model in models:
        await model.root_async_client.close()


def heard(message: BaseMessage) -> tuple[object, ...]:
    assert isinstance(message, AIMessage)
    about = message.response_metadata
    return message.content, message.tool_calls, message.usage_metadata, about["model_name"], about["finish_reason"]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("conversation", CONVERSATIONS)
@pytest.mark.parametrize("tools", [[], [WEATHER]], ids=["without tools", "with a tool"])
async def test_the_same_request_leaves(
    server: OpenAIServer, conversation: Sequence[BaseMessage], options: dict[str, Any], tools: list[dict[str, Any]]
) -> None:
    plain, fast = both(server, **options)

    for model in (plain, fast):
        bound = model.bind_tools(tools) if tools else model
        await bound.ainvoke(conversation)
        async for _ in bound.astream(conversation):
            pass
    await closed(plain, fast)

    (_, streamed), of_fast = server.bodies[:2], server.bodies[2:]
    assert [streamed, streamed] == of_fast
    assert len(conversation) == len(streamed["messages"])


@pytest.mark.parametrize("says", ANSWERS)
async def test_the_same_answer_is_heard(server: OpenAIServer, says: Says) -> None:
    plain, fast = both(server)
    server.script(says, says, says, says)

    whole = [await model.ainvoke("Hello?") for model in (plain, fast)]
    pieces = [[piece async for piece in model.astream("Hello?")] for model in (plain, fast)]
    await closed(plain, fast)

    assert heard(whole[0]) == heard(whole[1])
    of_plain, of_fast = (sum(those[1:], those[0]) for those in pieces)
    assert heard(of_plain) == heard(of_fast)


@pytest.mark.parametrize("reasoning", ["", "hm"])
async def test_reasoning_is_kept_beside_the_answer(server: OpenAIServer, reasoning: str) -> None:
    plain, fast = both(server)
    server.script(Says("Yes.", reasoning=reasoning))

    answer = await fast.ainvoke("Really?")
    await closed(plain, fast)

    assert reasoning == answer.additional_kwargs.get("reasoning_content", "")


FAULTS: list[Any] = [
    pytest.param([Fails(500), Says("now")], id="an error of the server, then an answer"),
    pytest.param([Fails(429, headers={"retry-after-ms": "1"}), Says("now")], id="too many requests, then an answer"),
    pytest.param([Breaks(), Says("now")], id="a connection that broke, then an answer"),
    pytest.param([Fails(500), Fails(503)], id="errors until it is given up"),
    pytest.param([Breaks(), Breaks()], id="connections that break until it is given up"),
    pytest.param([Fails(401, message="no such key")], id="a wrong key"),
    pytest.param([Fails(404, code="model_not_found")], id="no such model"),
    pytest.param([Fails(500, headers={"x-should-retry": "false"})], id="an error that is not to be tried again"),
    pytest.param([Raw(b"<html>", status=302, headers={"location": "/elsewhere"})], id="another place"),
]


@pytest.mark.parametrize("acts", FAULTS)
async def test_what_goes_wrong_is_the_same_for_the_first_call_and_for_later_ones(
    server: OpenAIServer, acts: Sequence[Act]
) -> None:
    async def outcome(model: ChatOpenAI) -> tuple[str, str, int]:
        before = len(server.asked)
        server.script(*acts)
        try:
            said = str((await model.ainvoke("hi")).content)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is compared
            return type(error).__name__, str(error), len(server.asked) - before
        return "", said, len(server.asked) - before

    _, first = both(server, max_retries=1)
    _, later = both(server, max_retries=1)
    await later.ainvoke("hello")
    of_first, of_later = await outcome(first), await outcome(later)
    server.script(Says("fine"))
    after = await later.ainvoke("hi")
    await closed(first, later)

    assert of_first == of_later
    assert "fine" == after.content


async def test_a_later_call_leaves_with_the_same_head(server: OpenAIServer) -> None:
    _, model = both(server, default_headers={"x-of-ours": "yes"}, default_query={"api-version": "1"})
    for words in ("one", "another, which is longer", "字"):
        await model.ainvoke(words)
    await closed(model)

    heads = [{**asked.headers, "content-length": ""} for asked in server.asked]
    assert [heads[0]] * 3 == heads
    assert "yes" == heads[0]["x-of-ours"]
    assert 1 == len({asked.path for asked in server.asked})
    assert [int(asked.headers["content-length"]) for asked in server.asked] == [
        len(asked.raw) for asked in server.asked
    ]


async def test_calls_at_the_same_time_do_not_take_each_others_failures(server: OpenAIServer) -> None:
    _, model = both(server, max_retries=0)
    await model.ainvoke("hello")
    acts: list[Act] = [Fails(400, message="refused"), Says("good")]
    server.script(*acts * 10)
    ended = await asyncio.gather(*(model.ainvoke("hi") for _ in range(20)), return_exceptions=True)
    await closed(model)

    assert 10 == sum(isinstance(each, Exception) for each in ended)
    assert 10 == sum(isinstance(each, AIMessage) and each.content == "good" for each in ended)


@pytest.mark.parametrize(
    ("seconds", "pause"), [(0.0, 0.0), (0.003, 0.0), (0.02, 0.002), (0.2, 0.02), (0.4, 0.04), (60.0, 0.04)]
)
def test_an_answer_that_nobody_sees_grow_is_late_by_a_tenth_of_its_time_at_most(seconds: float, pause: float) -> None:
    assert pytest.approx(pause) == pause_of(seconds)
