"""What a provider's server gives without end is heard up to a bound, and what it garbles costs little."""

import asyncio
import gzip
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage
from pydantic import BaseModel, PrivateAttr

from chains.models.fallback import ChatModel
from chains.models.openai.answer_reader import AnswerReader
from chains.models.openai.message_building import ending_of, message_of
from chains.models.openai.tool_calls import CallCollector, parsed_arguments
from chains.models.openai.transport import ANSWER_BYTES, AnswerTooLarge
from chains.models.packages.library_clients import bound_clients
from chains.models.packages.provider_pieces import ProviderPieces
from chains.models.registry import ModelRegistry
from chains.models.response import MOST_CHARACTERS, ModelResponse
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from tests.fakes.anthropic_server import AnthropicServer
from tests.fakes.openai_server import OpenAIServer, Raw, Says
from tests.processor_time import costs_less_than

LENGTH = 40_000
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
MOST_SECONDS = 0.25
TOOL = {"type": "function", "function": {"name": "now", "description": "Now.", "parameters": {"type": "object"}}}
BAD = '{"a": "he said "hi" and ' + "x" * LENGTH
"""What a model writes that forgets to escape quotes: no JSON, and no beginning of any."""


def called(arguments: str) -> list[dict[str, Any]]:
    return [{"id": "c1", "type": "function", "function": {"name": "now", "arguments": arguments}}]


@asynccontextmanager
async def chat(provider: str, server: OpenAIServer) -> AsyncIterator[ChatModel]:
    table = {"provider": provider, "model": "m", "api_key": "k", "max_retries": 0, "base_url": server.base_url}
    models = ModelRegistry(
        Settings.model_validate({"models": {"default": table}}), await asyncio.to_thread(Catalogue, "en")
    )
    try:
        yield await models.chat("default")
    finally:
        await models.aclose()


def test_arguments_that_are_no_json_cost_little_and_are_told_for_what_they_are() -> None:
    def read() -> AIMessageChunk:
        reader = AnswerReader()
        reader.add({"choices": [{"delta": {"tool_calls": [{"index": 0, **called(BAD)[0]}]}}]})
        return AIMessageChunk(content="x") + ending_of(reader, "m")

    assert costs_less_than(MOST_SECONDS, read)
    (invalid,) = read().invalid_tool_calls
    assert BAD == json.loads(str(invalid["args"]))


def test_a_call_is_read_the_same_from_a_stream_as_from_a_whole_message() -> None:
    for arguments in ('{"a": 1}', '"{\\"a\\": 1}"', '{"a": "cut', "[1]", BAD, ""):
        reader = AnswerReader()
        reader.add({"choices": [{"delta": {"tool_calls": called(arguments)}}]})
        whole, ending = message_of(reader, "m"), ending_of(reader, "m")

        assert (whole.tool_calls, whole.invalid_tool_calls) == (ending.tool_calls, ending.invalid_tool_calls)


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param({"index": 0, "function": {"arguments": "a"}}, id="by index"),
        pytest.param({"id": "c1", "function": {"name": "now", "arguments": "a"}}, id="by id, the name each time"),
        pytest.param({"function": {"name": "now", "arguments": "a"}}, id="by name"),
    ],
)
def test_arguments_that_come_sign_by_sign_cost_little(piece: dict[str, Any]) -> None:
    def gather() -> None:
        calls = CallCollector()
        calls.add([{"index": 0, **called('{"a": "')[0]}] if "index" in piece else called('{"a": "'), whole=False)
        for _ in range(LENGTH):
            calls.add([piece], whole=False)
        calls.read()

    assert costs_less_than(8 * MOST_SECONDS, gather)


@pytest.mark.parametrize(
    ("begin", "arguments"),
    [
        *(("", each) for each in ('{"a": 1}', "}", '"', "l", "null", '{"a": {}')),
        *(('{"a": ', each) for each in ('"b"', "{}", '"b}', '[{"a": "}"}]')),
        *(('{"a": "', each) for each in ("b", "e", "}", "\\\\")),
        ('"', "}"),
    ],
)
@pytest.mark.parametrize("beside", [{}, {"id": "c1"}])
def test_a_name_repeated_with_each_piece_of_arguments_without_end_costs_little(
    begin: str, arguments: str, beside: dict[str, str]
) -> None:
    """Each piece asks anew whether what came before it is whole."""

    def gather() -> None:
        calls = CallCollector()
        calls.add([{**beside, "function": {"name": "now", "arguments": begin}}], whole=False)
        for _ in range(LENGTH // len(arguments)):
            calls.add([{**beside, "function": {"name": "now", "arguments": arguments}}], whole=False)
        calls.read()

    assert costs_less_than(2 * MOST_SECONDS, gather)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "arguments",
    [
        *(
            '{"a": 1}',
            "{}",
            '{"a": "}\\"]{"}',
            ' {"a": [{"b": "\\\\"}]} \n',
            '"{\\"a\\": \\"}\\"}"',
            "null",
            "None",
            " null ",
        ),
    ],
)
def test_calls_one_after_the_other_are_told_apart_however_they_are_cut(arguments: str, size: int) -> None:
    calls = CallCollector()
    for _ in range(3):
        for start in range(0, len(arguments), size):
            piece = {"function": {"name": "now", "arguments": arguments[start : start + size]}}
            calls.add([piece], whole=False)

    found, invalid = calls.read()
    assert [parsed_arguments(arguments if arguments != "None" else "null")] * 3 == [call["args"] for call in found]
    assert [] == invalid


def test_arguments_without_end_are_heard_to_a_bound() -> None:
    calls = CallCollector()
    for _ in range(100):
        calls.add([{"index": 0, **called("x" * 10_000)[0]}], whole=False)

    assert calls.is_full
    assert 210_000 == len(calls.calls[0].arguments)


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(AIMessageChunk(content="x" * 1000), id="text"),
        pytest.param(AIMessageChunk(content="", additional_kwargs={"reasoning_content": "x" * 1000}), id="thoughts"),
        pytest.param(AIMessageChunk(content=[{"type": "text", "text": "x" * 1000, "index": 0}]), id="blocks"),
        pytest.param(AIMessageChunk(content=[{"type": "thinking", "thinking": "x" * 1000, "index": 0}]), id="thinking"),
    ],
)
def test_pieces_are_taken_until_no_more_would_be_heard(piece: AIMessageChunk) -> None:
    pieces, taken = ProviderPieces(), 0
    while not pieces.is_full:
        pieces.take(piece)
        taken += 1

    assert MOST_CHARACTERS // 1000 - 2 <= taken <= MOST_CHARACTERS // 1000 + 1


def test_pictures_beyond_all_bounds_are_refused() -> None:
    picture = AIMessageChunk(content=[{"type": "image_url", "image_url": "data:" + "A" * (ANSWER_BYTES // 2)}])
    pieces = ProviderPieces()
    pieces.take(picture)

    assert not pieces.is_full
    with pytest.raises(AnswerTooLarge):
        deque(map(pieces.take, [picture] * 3))


class Package(BaseModel):
    """A model as packages make them: its client is in something private of something of its."""

    _sdk: Any = PrivateAttr(default=None)


def package() -> tuple[Package, Any]:
    httpx = pytest.importorskip("httpx", reason="no package that brings it is installed")
    model, client = Package(), httpx.AsyncClient(trust_env=False)
    sdk = SimpleNamespace(wrapper=SimpleNamespace(client=client))
    sdk.wrapper.sdk = sdk
    model._sdk = sdk  # noqa: SLF001 - its own
    return model, client


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Raw(b'"' + b"a" * ANSWER_BYTES + b'"'), id="an answer without end"),
        pytest.param(Raw(b"data: " + bytes(ANSWER_BYTES), content_type="text/event-stream"), id="an event without end"),
        pytest.param(
            Raw(gzip.compress(bytes(2**24)), headers={"content-encoding": "gzip"}), id="a few bytes that become many"
        ),
    ],
)
async def test_the_client_of_a_package_takes_so_much_and_no_more(server: OpenAIServer, answer: Raw) -> None:
    model, client = await asyncio.to_thread(package)
    async with client:
        found = bound_clients(model)
        server.script(answer, Says("ok"))
        with pytest.raises(AnswerTooLarge):
            await client.post(f"{server.base_url}/chat/completions", json=BODY)
        good = await client.post(f"{server.base_url}/chat/completions", json=BODY)

    assert 1 == found
    assert "ok" == good.json()["choices"][0]["message"]["content"]
    assert {"identity"} == {asked.headers["accept-encoding"] for asked in server.asked}


@pytest.mark.parametrize(("provider", "fake"), [("anthropic", AnthropicServer), ("deepseek", OpenAIServer)])
@pytest.mark.parametrize("streams", [True, False])
async def test_a_call_in_many_pieces_arrives_whole(provider: str, fake: type[OpenAIServer], *, streams: bool) -> None:
    arguments = json.dumps({"a": "x" * 2000})
    async with fake() as server, chat(provider, server) as model:
        server.script(Says("Let me see.", tool_calls=tuple(called(arguments)), finish="tool_calls", pieces=7))
        response = ModelResponse()
        if streams:
            async for piece in model.astream([HumanMessage("hi")], tools=[TOOL]):
                response.add(piece)
        else:
            response.add(await model.ainvoke([HumanMessage("hi")], tools=[TOOL]))

    (call,) = response.tool_requests
    assert ("now", {"a": "x" * 2000}) == (call["name"], call["args"])
    assert "Let me see." == response.text


@pytest.mark.parametrize(("provider", "fake"), [("anthropic", AnthropicServer), ("deepseek", OpenAIServer)])
async def test_an_answer_without_end_is_heard_to_a_bound(provider: str, fake: type[OpenAIServer]) -> None:
    async with fake() as server, chat(provider, server) as model:
        server.script(Says("字" * 3 * MOST_CHARACTERS, pieces=10_000))
        response = ModelResponse()
        pieces = 0
        async for piece in model.astream([HumanMessage("hi")]):
            response.add(piece)
            pieces += 1

    assert response.is_cut
    assert pieces < 30
