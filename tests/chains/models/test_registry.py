"""Models from the settings."""

import asyncio
import json
import os
import sys
import time
from datetime import date
from itertools import pairwise
from math import inf, nan
from typing import Any

import pytest

from chains.models.openai.openai_model import options_of
from chains.models.providers import LEFT_OUT, PROVIDERS
from chains.models.registry import ModelRegistry
from pipeline.errors import AnswerFailed, SettingsInvalid
from pipeline.settings import ModelTable, Settings
from pipeline.text.i18n import Catalogue
from tests.chains.harness import open_chains_harness, remembered
from tests.fakes.openai_server import Breaks, Fails, Hangs, OpenAIServer, Says, Slow


def models(tables: dict[str, Any], **others: object) -> ModelRegistry:
    return ModelRegistry(Settings.model_validate({"models": tables, **others}), Catalogue("en"))


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        pytest.param(
            {"default": {"provider": "acme"}},
            f"[models.default].provider: found 'acme', there are demo, openai, {', '.join(PROVIDERS)}",
            id="an unknown provider",
        ),
        pytest.param(
            {"default": {"provider": "antropic"}},
            "[models.default].provider: found 'antropic', there are demo, openai,"
            f" {', '.join(PROVIDERS)}; did you mean 'anthropic'?",
            id="a provider misspelt",
        ),
        pytest.param(
            {"image": {"provider": "anthropic"}},
            "[models.image].provider: found 'anthropic', there are demo, openai",
            id="a provider of another protocol for what draws",
        ),
        pytest.param(
            {"default": {"provider": "litellm"}},
            f"[models.default].provider: webot leaves litellm out: {LEFT_OUT['litellm']}",
            id="a provider that is left out",
        ),
        pytest.param(
            {"default": {"provider": "deepseek", "api_key": "k"}},
            "[models.default].model: found nothing, needs the provider's name for the model",
            id="no name for another provider's model",
        ),
        pytest.param(
            {"default": {"provider": "deepseek", "model": "m"}},
            "[models.default].api_key: found nothing, deepseek needs one; it belongs in .secrets.toml",
            id="no key for a provider that needs one",
        ),
        pytest.param(
            {"default": {"api_key": "k"}},
            "[models.default].model: found nothing, needs the provider's name for the model",
            id="no name for the model",
        ),
        pytest.param(
            {"default": {"model": "m", "base_url": "api.example.com/v1"}},
            "[models.default].base_url: found 'api.example.com/v1', needs an http:// or https:// address;"
            " did you mean 'https://api.example.com/v1'?",
            id="an address without its scheme",
        ),
        pytest.param(
            {"default": {"fallbacks": ["spare"]}, "big": {"model": "m", "api_key": "k"}},
            "[models.default].fallbacks: found 'spare', there are big, default",
            id="an unknown fallback",
        ),
        pytest.param(
            {"default": {"fallbacks": ["image"]}, "image": {}},
            "[models.default].fallbacks: found 'image', there are default",
            id="a fallback nobody filled in",
        ),
        pytest.param(
            {"speech": {"fallbacks": ["default"]}},
            "[models.speech].fallbacks: only models that answer have others behind them; leave it out",
            id="a model that listens with others behind it",
        ),
        pytest.param(
            {"default": {"fallbacks": ["image"]}, "image": {"model": "m", "api_key": "k"}},
            "[models.default].fallbacks: found 'image', there are default",
            id="a model that draws behind one that answers",
        ),
        pytest.param(
            {"default": {"fallbacks": ["default"]}},
            "[models.default].fallbacks: found a circle, default → default",
            id="a model that falls back on itself",
        ),
        pytest.param(
            {
                "a": {"provider": "demo", "fallbacks": ["b"]},
                "b": {"provider": "demo", "fallbacks": ["c"]},
                "c": {"provider": "demo", "fallbacks": ["a"]},
            },
            "[models.a].fallbacks: found a circle, a → b → c → a",
            id="a circle of three",
        ),
        pytest.param(
            {"default": {"model": "m", "api_key": "k", "stream": True}},
            "[models.default].stream: webot sets this itself; leave it out",
            id="an option that is ours",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tables: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        models(tables)

    assert complaint in raised.value.problems


def test_every_wrong_table_is_named_at_once() -> None:
    with pytest.raises(SettingsInvalid) as raised:
        models({"default": {"provider": "x"}, "b": {"provider": "y"}})

    assert 2 == len(raised.value.problems)


@pytest.mark.parametrize(
    ("key", "value", "wrong"),
    [
        pytest.param("temperature", "hot", 'temperature: found "hot"; needs a number', id="words for a number"),
        pytest.param("temperature", nan, "temperature: found nan", id="nan"),
        pytest.param("max_tokens", -5, "max_tokens: found -5; needs 1 or more", id="out of bounds"),
        pytest.param("extra_body", "x", 'extra_body: found "x"; needs a table', id="text for a table"),
        pytest.param("extra_body", {"a": [1, inf]}, "extra_body.a.1: found inf", id="deep in a table"),
        pytest.param("enable_thinking", "no", 'enable_thinking: found "no"; needs true or false', id="a quoted flag"),
        pytest.param("response_format", "json", 'response_format: found "json"; needs a table', id="a word"),
        pytest.param("anything", date(2026, 11, 28), "anything: found a date or time", id="a date"),
    ],
)
def test_an_option_that_no_server_can_take_is_named_before_anybody_asks(key: str, value: object, wrong: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        models({"default": {"model": "m", "base_url": "http://127.0.0.1:9", key: value}})

    assert f"[models.default].{wrong}" in str(refused.value)


async def test_a_number_in_quotes_that_the_client_reads_is_taken() -> None:
    found = models({"default": {"model": "m", "base_url": "http://127.0.0.1:9", "temperature": "0.2"}})
    await found.warm(["default"])
    await found.aclose()


def test_a_value_that_cannot_be_sent_is_named_for_other_providers_too() -> None:
    with pytest.raises(SettingsInvalid, match=r"\[models.default\].top_p: found a date or time"):
        models({"default": {"provider": "anthropic", "model": "m", "api_key": "k", "top_p": date(2026, 11, 28)}})


async def test_a_model_nobody_filled_in_cannot_be_called() -> None:
    found = models({"image": {"size": "1024x1024"}, "big": {"model": "m", "api_key": "k"}})

    assert ("big", "default") == found.names
    with pytest.raises(SettingsInvalid, match="no model 'image' set up; there are big, default"):
        await found.chat("image")


async def test_a_model_is_opened_once_however_many_want_it(server: OpenAIServer) -> None:
    found = models({"default": {"model": "m", "base_url": server.base_url}})

    opened = await asyncio.gather(*(found.chat("default") for _ in range(20)))
    await found.aclose()

    assert all(one is other for one, other in pairwise(opened))


async def test_the_fuse_keeps_tests_from_real_models() -> None:
    found = models({"default": {"model": "m", "api_key": "k"}})

    with pytest.raises(RuntimeError, match=r"the fuse is out, https://api\.openai\.com/v1 is not"):
        await found.chat("default")


async def test_options_reach_a_provider_as_they_are(server: OpenAIServer) -> None:
    options: dict[str, Any] = {
        "temperature": 0.3,
        "max_tokens": 50,
        "enable_thinking": False,
        "top_k": 5,
        "extra_body": {"nested": {"a": 1}},
        "default_headers": {"x-tenant": "blue"},
    }

    async with open_chains_harness(server.base_url, **options) as it:
        await it.outcome("hello")

    expected = {"temperature": 0.3, "max_tokens": 50, "enable_thinking": False, "top_k": 5, "nested": {"a": 1}}
    sent = server.bodies[0]
    assert expected == {
        key: value for key, value in sent.items() if key not in {"model", "stream", "stream_options", "messages"}
    }
    assert "blue" == server.asked[0].headers["x-tenant"]


def test_openai_itself_gets_the_newer_word_for_max_tokens() -> None:
    at_openai = options_of(ModelTable.model_validate({"max_tokens": 5, "top_k": 3}))
    elsewhere = options_of(ModelTable.model_validate({"max_tokens": 5, "base_url": "https://example.com"}))

    # ChatOpenAI turns its own max_tokens into max_completion_tokens.
    assert (5, {"top_k": 3}) == (at_openai["max_tokens"], at_openai["extra_body"])
    assert {"max_tokens": 5} == elsewhere["extra_body"]
    assert "max_tokens" not in elsewhere


async def test_fallbacks_are_tried_in_order_and_who_answered_is_recorded(server: OpenAIServer) -> None:
    def table(model: str, *fallbacks: str) -> dict[str, Any]:
        return {"model": model, "base_url": server.base_url, "max_retries": 0, "fallbacks": fallbacks}

    others = {"second": table("two", "third"), "third": table("three"), "fourth": table("four")}
    server.script(Fails(500), Breaks(), Fails(400), Says("Here I am."))

    async with open_chains_harness(server.base_url, model="one", fallbacks=("second", "fourth"), models=others) as it:
        said = remembered(await it.outcome("anybody?"))

    assert ["one", "two", "three", "four"] == [body["model"] for body in server.bodies]
    assert ("Here I am.", "four") == (said.exchange.answer, said.provenance.model)


async def test_a_fallback_answers_a_channel_that_streams(server: OpenAIServer) -> None:
    spare = {"spare": {"model": "spare", "base_url": server.base_url}}
    server.script(Fails(503), Says("Here I am."))

    async with open_chains_harness(server.base_url, fallbacks=("spare",), models=spare) as it:
        said = remembered(await it.outcome("anybody?", streams=True))

    assert ("Here I am.", "spare") == (said.exchange.answer, said.provenance.model)


async def test_the_demo_stands_in_when_it_is_named(server: OpenAIServer) -> None:
    server.script(Fails(500))

    async with open_chains_harness(server.base_url, fallbacks=("spare",), models={"spare": {"provider": "demo"}}) as it:
        said = remembered(await it.outcome("anybody?"))

    assert "demo" == said.provenance.model


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(Fails(429, headers={"retry-after": "0.2"}), id="too many requests"),
        pytest.param(Fails(503, headers={"retry-after": "0.2"}), id="out of service"),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
async def test_a_call_is_repeated_when_the_provider_says_it_may_be(
    server: OpenAIServer, refusal: Fails, *, streams: bool
) -> None:
    server.script(refusal, refusal, Says("At last."))
    began = time.monotonic()

    async with open_chains_harness(server.base_url, max_retries=2) as it:
        said = remembered(await it.outcome("hello", streams=streams))

    assert "At last." == said.exchange.answer
    assert 3 == len(server.asked)
    assert 0.4 <= time.monotonic() - began


async def test_a_call_the_provider_finds_wrong_is_not_repeated(server: OpenAIServer) -> None:
    server.script(Fails(400))

    async with open_chains_harness(server.base_url, max_retries=5) as it:
        with pytest.raises(AnswerFailed):
            await it.outcome("hello")

    assert 1 == len(server.asked)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(Hangs(), id="silence"),
        pytest.param(Slow(5.0, Says("too late")), id="too late"),
        pytest.param(Fails(429, headers={"retry-after": "30"}), id="told to wait for longer"),
    ],
)
async def test_one_call_with_all_its_repetitions_takes_no_longer_than_set(
    server: OpenAIServer, act: Hangs | Slow | Fails
) -> None:
    server.script(act)

    async with open_chains_harness(server.base_url, timeout=0.3, max_retries=5) as it:
        async with asyncio.timeout(60):
            with pytest.raises(AnswerFailed) as raised:
                await it.outcome("hello")

    assert "model.timeout" == raised.value.reason


async def test_a_model_on_this_machine_is_not_reached_through_the_proxy(server: OpenAIServer) -> None:
    found = models(
        {"default": {"model": "m", "base_url": server.base_url, "max_retries": 0}},
        network={"proxy": "http://127.0.0.1:9"},
    )

    answer = await (await found.chat("default")).ainvoke("hello")
    await found.aclose()

    assert "echo: hello" == answer.content


INHERITED = """
import asyncio, sys
import chains
from chains.models.registry import ModelRegistry
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue

async def main():
    table = {"model": "m", "base_url": sys.argv[1], "api_key": "ours", "max_retries": 0}
    models = ModelRegistry(Settings.model_validate({"models": {"default": table}}), Catalogue("en"))
    model = await models.chat("default")
    print((await model.ainvoke("hello")).content)
    await models.aclose()

asyncio.run(main())
"""


async def test_nothing_inherited_from_the_environment_leads_a_call_elsewhere(server: OpenAIServer) -> None:
    nowhere = "http://127.0.0.1:9"
    tracer = server.base_url.removesuffix("/v1")
    environment = {
        **os.environ,
        "HTTP_PROXY": nowhere,
        "ALL_PROXY": nowhere,
        "OPENAI_PROXY": nowhere,
        "OPENAI_API_KEY": "theirs",
        "OPENAI_BASE_URL": nowhere,
        "OPENAI_API_BASE": nowhere,
        "LANGSMITH_TRACING": "true",
        "LANGCHAIN_TRACING_V2": "true",
        "LANGSMITH_API_KEY": "key",
        "LANGSMITH_ENDPOINT": tracer,
        "LANGSMITH_GATEWAY": nowhere,
    }

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", INHERITED, server.base_url, env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()

    assert "echo: hello\n" == output.decode()
    assert ["/v1/chat/completions"] == [asked.path for asked in server.asked]
    assert "Bearer ours" == server.asked[0].headers["authorization"]


async def test_the_package_is_light_until_somebody_answers() -> None:
    program = (
        "import sys, chains, json; print(json.dumps([m for m in sys.modules if m.startswith(('lang', 'openai'))]))"
    )

    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()

    assert [] == json.loads(output)


def test_options_of_a_chain_that_a_providers_class_does_not_take_are_named() -> None:
    table = {
        "provider": "azure_openai",
        "model": "m",
        "api_key": "k",
        "base_url": "http://127.0.0.1:9",
        "api_version": "2024-02-01",
    }
    models = ModelRegistry(Settings.model_validate({"models": {"default": table}}), Catalogue("en"))
    unknown, wrong = (models.option_problems("default", own) for own in ({"foo": 1}, {"temperature": "hot"}))

    assert ["options.foo: AzureChatOpenAI has no such option"] == [each.partition(";")[0] for each in unknown]
    assert "options.temperature: found 'hot'" in wrong[0]
    assert [] == models.option_problems("default", {"temperature": 0.2, "model_kwargs": {"foo": 1}})
