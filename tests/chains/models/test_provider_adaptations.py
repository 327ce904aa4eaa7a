"""What the servers behind other packages of LangChain's refuse is left out as for ours: found out once, remembered."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from structlog.testing import capture_logs

from chains.models.errors import to_answer_failed
from chains.models.fallback import ChatModel
from chains.models.openai.adaptations import UNSEEN
from chains.models.registry import ModelRegistry
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from tests.fakes.anthropic_server import AnthropicServer
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Says

Body = Mapping[str, Any]
Holds = Callable[[Body], bool]
TOOL = {"type": "function", "function": {"name": "now", "description": "Now.", "parameters": {"type": "object"}}}
PICTURE = {"type": "image", "base64": "aGk=", "mime_type": "image/jpeg"}
ASKED: list[BaseMessage] = [
    SystemMessage("Be kind."),
    HumanMessage([PICTURE, {"type": "text", "text": "hello"}]),
]
SAID: dict[str, Any] = {"chain_options": {"temperature": 0.3, "top_p": 0.9}, "tools": [TOOL]}


@asynccontextmanager
async def deepseek(base_url: str, **options: object) -> AsyncIterator[ChatModel]:
    table = {"provider": "deepseek", "model": "m", "api_key": "k", "max_retries": 0, "base_url": base_url, **options}
    models = ModelRegistry(
        Settings.model_validate({"models": {"default": table}}), await asyncio.to_thread(Catalogue, "en")
    )
    try:
        yield await models.chat("default")
    finally:
        await models.aclose()


def refusing(holds: Holds, status: int, message: str) -> Callable[[Body], Act]:
    def otherwise(body: Body) -> Act:
        return Fails(status, message=message) if holds(body) else Says("Good.", usage=(7, 2))

    return otherwise


async def ask(chat: ChatModel, *, streams: bool) -> str:
    if not streams:
        return (await chat.ainvoke(ASKED, **SAID)).text
    return "".join([piece.text async for piece in chat.astream(ASKED, **SAID)])


def streams_(body: Body) -> bool:
    return bool(body.get("stream"))


def is_whole(body: Body) -> bool:
    return not body.get("stream")


def has_system(body: Body) -> bool:
    return any(message["role"] == "system" for message in body["messages"])


def has_picture(body: Body) -> bool:
    return "image" in str([message["content"] for message in body["messages"]])


def has(key: str) -> Holds:
    return lambda body: key in body


@pytest.mark.parametrize(
    ("holds", "status", "message", "ways"),
    [
        pytest.param(streams_, 400, "stream is not supported by this model", (True, True), id="streams"),
        pytest.param(is_whole, 400, "This model only support stream mode", (False, False), id="whole answers"),
        pytest.param(has("stream_options"), 400, "Unrecognized argument: stream_options", (True, True), id="counts"),
        pytest.param(has_system, 400, "System role not supported", (False, True), id="the system role"),
        pytest.param(has_picture, 400, "unknown variant `image_url`, expected `text`", (False, True), id="pictures"),
        pytest.param(has("tools"), 400, "this model does not support tools", (False, True), id="tools"),
        pytest.param(
            has("temperature"),
            400,
            "Unsupported value: 'temperature' does not support 0.3 with this model.",
            (True, False),
            id="an option of the chain",
        ),
        pytest.param(has("seed"), 422, "body.seed: Extra inputs are not permitted", (False, True), id="of the table"),
    ],
)
async def test_what_is_refused_is_left_out_from_then_on(
    holds: Holds, status: int, message: str, ways: tuple[bool, bool]
) -> None:
    async with (
        OpenAIServer(otherwise=refusing(holds, status, message)) as server,
        deepseek(server.base_url, seed=5) as chat,
    ):
        with capture_logs() as logged:
            said = [await ask(chat, streams=streams) for streams in ways]
        requests = server.bodies

    assert ["Good.", "Good."] == said
    assert [True, False, False] == [holds(body) for body in requests]
    assert 1 == sum(line["event"] == "model_refuses_part" for line in logged)


async def test_what_the_system_said_goes_before_the_picture_and_its_place_is_marked() -> None:
    def otherwise(body: Body) -> Act:
        if has_system(body):
            return Fails(400, message="System role not supported")
        return Fails(404, message="No endpoints found that support image input") if has_picture(body) else Says("Ah.")

    async with OpenAIServer(otherwise=otherwise) as server, deepseek(server.base_url) as chat:
        await ask(chat, streams=False)
        last = server.bodies[-1]["messages"]

    assert 3 == len(server.asked)
    assert 1 == len(last)
    assert last[0]["content"] in {f"Be kind.\n\n{UNSEEN}\nhello", f"Be kind.\n{UNSEEN}\nhello"}


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        pytest.param(Fails(400, message="temperature must be between 0 and 2"), "model.refused", id="a wrong value"),
        pytest.param(Fails(401, message="system role not supported"), "model.key", id="a key"),
        pytest.param(Fails(429, message="stream not supported"), "model.busy", id="a limit"),
    ],
)
async def test_what_the_operator_has_to_mend_is_told(server: OpenAIServer, act: Act, reason: str) -> None:
    server.script(act, act)
    async with deepseek(server.base_url) as chat:
        with pytest.raises(Exception) as raised:  # noqa: PT011 - of whichever class its library has
            await ask(chat, streams=False)

    assert reason == to_answer_failed(raised.value, model="default").reason
    assert all("temperature" in body for body in server.bodies)


async def test_a_model_of_anthropics_that_takes_one_of_two_options_is_given_one() -> None:
    def otherwise(body: Body) -> Act:
        both = {"temperature", "top_p"} <= body.keys()
        return Fails(400, message="`temperature` and `top_p` cannot both be specified") if both else Says("Good.")

    async with AnthropicServer(otherwise) as claude:
        table = {"provider": "anthropic", "model": "claude-test"}
        async with deepseek(claude.base_url, **table) as chat:
            said = [await ask(chat, streams=streams) for streams in (False, True)]
        requests = claude.bodies

    assert ["Good.", "Good."] == said
    assert [True, False, False] == ["top_p" in body for body in requests]
    assert all(0.3 == body["temperature"] for body in requests)
