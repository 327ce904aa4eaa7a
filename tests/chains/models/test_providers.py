"""Models of other packages of LangChain's than OpenAI's: Anthropic's own protocol, and OpenAI's in another dress."""

import asyncio
import json
import os
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langchain.chat_models import base
from langchain_core.messages import HumanMessage, ToolMessage
from packaging.requirements import Requirement

from chains.catalog.config import ChainConfig
from chains.models.fallback import ChatModel
from chains.models.providers import LEFT_OUT, PROVIDERS, Provider, unusable
from chains.models.registry import ModelRegistry
from chains.models.response import ModelResponse
from pipeline.answer import Outcome, PartialAnswer
from pipeline.errors import AnswerFailed, SettingsInvalid
from pipeline.settings import ModelTable, Settings
from pipeline.text.i18n import Catalogue
from tests.chains.harness import open_chains_harness, remembered
from tests.fakes.anthropic_server import AnthropicServer
from tests.fakes.openai_server import Act, Fails, Hangs, OpenAIServer, Says

CALL = {"id": "toolu_1", "type": "function", "function": {"name": "current_time", "arguments": '{"zone": "Asia"}'}}
TOOL = {
    "type": "function",
    "function": {
        "name": "current_time",
        "description": "Tells the time now.",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}},
    },
}
KEY = "sk-ant-0123456789"
CLAUDE: dict[str, Any] = {"provider": "anthropic", "model": "claude-test", "api_key": KEY}


@pytest.fixture
async def claude() -> AsyncIterator[AnthropicServer]:
    async with AnthropicServer() as opened:
        yield opened


@asynccontextmanager
async def model(base_url: str, **options: object) -> AsyncIterator[tuple[ModelRegistry, ChatModel]]:
    """Give a model of Anthropic's at an address."""
    table = {**CLAUDE, "base_url": base_url, "max_retries": 0, **options}
    models = ModelRegistry(
        Settings.model_validate({"models": {"default": table}}), await asyncio.to_thread(Catalogue, "en")
    )
    try:
        yield models, await models.chat("default")
    finally:
        await models.aclose()


def test_every_provider_langchain_knows_is_offered_or_left_out_for_a_reason() -> None:
    known = set(base._BUILTIN_PROVIDERS)  # noqa: SLF001 - there is no public list of them

    assert known == {"openai", *PROVIDERS, *LEFT_OUT}
    for name, provider in PROVIDERS.items():
        assert (provider.module, provider.chat) == base._BUILTIN_PROVIDERS[name][:2]  # noqa: SLF001


def test_every_extra_installs_the_package_its_providers_need() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    extras = {
        name: {Requirement(line).name for line in lines} for name, lines in project["optional-dependencies"].items()
    }
    needed = {provider.extra: {provider.package} for provider in PROVIDERS.values() if provider.extra}

    assert needed.items() <= extras.items()


def test_a_missing_package_says_what_to_install() -> None:
    provider = Provider("no_such_package.models", "Chat", extra="acme")
    (problem,) = unusable("[models.default]", ModelTable.model_validate({**CLAUDE, "provider": "acme"}), provider)

    assert (
        "[models.default].provider: acme needs the package no-such-package, which is not installed:"
        " pip install 'webot[acme]', in a checkout .venv/bin/pip install -e '.[acme]'"
    ) == problem


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(
            {"temprature": 0.5},
            "[models.default].temprature: ChatAnthropic has no such option;"
            " what it does not know goes into model_kwargs; did you mean 'temperature'?",
            id="an option the class does not know",
        ),
        pytest.param({"temperature": "hot"}, "[models.default].temperature: found 'hot'", id="one of a wrong type"),
    ],
)
async def test_an_option_that_does_not_fit_is_named(
    claude: AnthropicServer, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        async with model(claude.base_url, **options):
            pass

    assert complaint in str(raised.value)
    assert KEY not in str(raised.value)


async def test_a_turn_reaches_anthropic_in_its_own_words(claude: AnthropicServer) -> None:
    claude.script(Says("Good day.", usage=(20, 5)))

    async with open_chains_harness(
        claude.base_url, chat={"system_prompt": "Be kind."}, temperature=0.2, **CLAUDE
    ) as it:
        said = remembered(await it.outcome("hello"))

    (asked,) = claude.asked
    assert {
        "model": "claude-test",
        "max_tokens": asked.body["max_tokens"],
        "system": "Be kind.",
        "messages": [{"role": "user", "content": "hello"}],
        "temperature": 0.2,
    } == asked.body
    assert KEY in asked.headers.get("authorization", "") + asked.headers.get("x-api-key", "")
    origin = said.provenance
    assert ("Good day.", "claude-test", 20, 5) == (
        said.exchange.answer,
        origin.model,
        origin.input_tokens,
        origin.output_tokens,
    )


async def test_a_channel_that_streams_sees_it_grow(claude: AnthropicServer) -> None:
    claude.script(Says("One two three.", reasoning="Let me count.", usage=(20, 5)))

    async with open_chains_harness(claude.base_url, chat={"hide_thinking": False}, **CLAUDE) as it:
        steps = await it.steps("count", streams=True)

    outcome = steps[-1]
    assert isinstance(outcome, Outcome)
    assert 3 <= sum(isinstance(step, PartialAnswer) for step in steps)
    assert "One two three." == remembered(outcome).exchange.answer
    assert "> Let me count." in str(outcome.replies[0])
    assert (20, 5) == (remembered(outcome).provenance.input_tokens, remembered(outcome).provenance.output_tokens)


@pytest.mark.parametrize("thought", ["", "Which zone?"])
@pytest.mark.parametrize("streams", [False, True])
async def test_tools_are_offered_used_and_closed_in_its_words(
    claude: AnthropicServer, thought: str, *, streams: bool
) -> None:
    claude.script(Says("Let me see.", reasoning=thought, tool_calls=(CALL,), finish="tool_calls"), Says("Noon."))
    heard, question = ModelResponse(), HumanMessage("What time is it?")

    async with model(claude.base_url) as (_, chat):
        if streams:
            async for piece in chat.astream([question], tools=[TOOL]):
                heard.add(piece)
        else:
            heard.add(await chat.ainvoke([question], tools=[TOOL]))
        (called,) = heard.tool_requests
        tool_message = ToolMessage("noon", tool_call_id=called["id"] or "", name=called["name"])
        answer = await chat.ainvoke([question, heard.request, tool_message], tools=[TOOL], tool_choice="none")

    first, second = claude.bodies
    assert ("current_time", {"zone": "Asia"}) == (called["name"], called["args"])
    assert "current_time" == first["tools"][0]["name"]
    assert {"type": "none"} == second["tool_choice"]
    back = second["messages"][1]["content"]
    assert ["thinking", "text", "tool_use"][0 if thought else 1 :] == [block["type"] for block in back]
    assert {"zone": "Asia"} == back[-1]["input"]
    assert "tool_result" == second["messages"][2]["content"][0]["type"]
    assert "Noon." == answer.content


async def test_a_picture_is_shown_in_its_words(claude: AnthropicServer) -> None:
    picture = {"type": "image", "base64": "aGk=", "mime_type": "image/jpeg"}

    async with model(claude.base_url) as (_, chat):
        await chat.ainvoke([HumanMessage([picture, {"type": "text", "text": "What is this?"}])])

    shown = claude.bodies[0]["messages"][0]["content"][0]
    assert {"type": "base64", "media_type": "image/jpeg", "data": "aGk="} == shown["source"]


async def test_a_chains_options_go_before_the_models_own_and_unknown_ones_stay_behind(claude: AnthropicServer) -> None:
    chain = ChainConfig(
        name="default", answer_format="json", options={"temperature": 0.9, "max_tokens": 7, "enable_thinking": False}
    )
    claude.script(Says('{"a": 1}'), Says('{"a": 2}'))

    async with open_chains_harness(claude.base_url, chain=chain, temperature=0.1, **CLAUDE) as it:
        await it.outcome("hello")
        await it.outcome("again")

    for body in claude.bodies:
        assert (0.9, 7) == (body["temperature"], body["max_tokens"])


@pytest.mark.parametrize("streams", [False, True])
async def test_it_stands_in_for_a_model_of_another_protocol(
    server: OpenAIServer, claude: AnthropicServer, *, streams: bool
) -> None:
    chain = ChainConfig(name="default", answer_format="json", options={"temperature": 0.9, "enable_thinking": False})
    server.script(Fails(503))
    claude.script(Says('{"here": 1}'))
    spare = {"spare": {**CLAUDE, "base_url": claude.base_url, "temperature": 0.1}}

    async with open_chains_harness(server.base_url, chain=chain, fallbacks=("spare",), models=spare) as it:
        said = remembered(await it.outcome("anybody?", streams=streams))

    assert ('{"here": 1}', "claude-test") == (said.exchange.answer, said.provenance.model)
    assert {"temperature": 0.9, "enable_thinking": False, "response_format": {"type": "json_object"}}.items() <= (
        server.bodies[0].items()
    )
    assert 0.9 == claude.bodies[0]["temperature"]


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        pytest.param(Fails(401), "model.key", id="a wrong key"),
        pytest.param(Fails(404), "model.missing", id="no such model"),
        pytest.param(Fails(429), "model.busy", id="too many requests"),
        pytest.param(Fails(529), "model.broken", id="overloaded"),
        pytest.param(Fails(400, message="prompt is too long: 9 tokens > 1 maximum"), "model.too_long", id="too long"),
        pytest.param(
            Fails(400, message="Your credit balance is too low"), "model.quota", id="nothing left to pay with"
        ),
        pytest.param(Says(None, finish="refusal"), "model.filtered", id="it will not speak of it"),
        pytest.param(Hangs(), "model.timeout", id="silence"),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
async def test_what_goes_wrong_is_told_as_for_any_model(
    claude: AnthropicServer, act: Act, reason: str, *, streams: bool
) -> None:
    claude.script(act)

    async with open_chains_harness(claude.base_url, timeout=0.5 if isinstance(act, Hangs) else 30.0, **CLAUDE) as it:
        with pytest.raises(AnswerFailed) as raised:
            await it.outcome("hello", streams=streams)

    assert reason == raised.value.reason
    assert KEY not in str(raised.value)


async def test_a_call_is_repeated_as_often_as_the_settings_say(claude: AnthropicServer) -> None:
    claude.script(Fails(503, headers={"retry-after": "0"}), Fails(503), Says("At last."))

    async with model(claude.base_url, max_retries=2) as (_, chat):
        answer = await chat.ainvoke("hello")

    assert ("At last.", 3) == (answer.content, len(claude.asked))


async def test_the_fuse_holds_for_every_provider() -> None:
    with pytest.raises(RuntimeError, match=r"the fuse is out, https://api\.anthropic\.com is not on this machine"):
        async with model(""):
            pass


async def test_deepseek_answers_in_json_beside_tools(server: OpenAIServer) -> None:
    table = {"provider": "deepseek", "model": "m", "api_key": "k", "base_url": server.base_url, "extra_body": {"a": 1}}
    models = ModelRegistry(
        Settings.model_validate({"models": {"default": table}}), await asyncio.to_thread(Catalogue, "en")
    )
    options = models.options("default", {"response_format": {"type": "json_object"}})

    await (await models.chat("default")).ainvoke("hello", tools=[TOOL], tool_choice="none", **options)
    await models.aclose()

    (body,) = server.bodies
    assert (1, {"type": "json_object"}, "none") == (body["a"], body["response_format"], body["tool_choice"])


async def test_deepseek_keeps_its_reasoning_and_its_usage(server: OpenAIServer) -> None:
    server.script(Says('{"yes": true}', reasoning="Hm.", usage=(9, 3)))
    chain = ChainConfig(name="default", answer_format="json", options={"temperature": 0.3})

    async with open_chains_harness(
        server.base_url, chain=chain, provider="deepseek", api_key="k", model="deepseek-chat", max_tokens=5
    ) as it:
        said = remembered(await it.outcome("Really?", streams=True))

    body = server.bodies[0]
    assert ('{"yes": true}', 9, 3) == (
        said.exchange.answer,
        said.provenance.input_tokens,
        said.provenance.output_tokens,
    )
    assert (0.3, 5, {"type": "json_object"}) == (body["temperature"], body["max_tokens"], body["response_format"])


INHERITED = """
import asyncio, json, sys
import chains
from chains.models.registry import ModelRegistry
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue

async def main():
    models = ModelRegistry(Settings.model_validate({"models": json.loads(sys.argv[1])}), Catalogue("en"))
    for name in models.names:
        if name != "default":
            print((await (await models.chat(name)).ainvoke("hello")).content)
    await models.aclose()

asyncio.run(main())
"""


async def test_nothing_inherited_from_the_environment_leads_a_call_elsewhere(
    server: OpenAIServer, claude: AnthropicServer
) -> None:
    nowhere = "http://127.0.0.1:9"
    names = ("HTTP_PROXY", "ALL_PROXY", "LANGSMITH_GATEWAY", "OPENAI_PROXY", "ANTHROPIC_PROXY")
    addresses = ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_URL", "DEEPSEEK_API_BASE", "OPENAI_API_BASE")
    environment = {**os.environ, **dict.fromkeys((*names, *addresses), nowhere), "ANTHROPIC_AUTH_TOKEN": "theirs"}
    deepseek = {"provider": "deepseek", "model": "m", "api_key": "ours", "base_url": server.base_url}
    tables = {"a": {**CLAUDE, "base_url": claude.base_url, "max_retries": 0}, "b": {**deepseek, "max_retries": 0}}

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", INHERITED, json.dumps(tables)),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()

    assert "echo: hello\necho: hello\n" == output.decode()
    assert KEY in claude.asked[0].headers["authorization"]
    assert "Bearer ours" == server.asked[0].headers["authorization"]
