"""What a server refuses is left out of its requests, found out once, said in the log, and tried again after a while."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import openai
import pytest
from structlog.testing import capture_logs

from chains.catalog.config import ChainConfig
from chains.models.errors import provider_answer
from chains.models.openai.adaptations import SECONDS, Adaptation, AdaptationMemory, without_system
from chains.models.openai.refusals import proposals
from chains.models.registry import ModelRegistry
from pipeline.errors import AnswerFailed
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from tests.chains.harness import open_chains_harness
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Says

Body = Mapping[str, Any]
TOOLS = ChainConfig(name="default", tools=("current_time",))
PERSONA = ChainConfig(name="default", system_prompt="你是海盗。")
AS_JSON = ChainConfig(name="default", answer_format="json")
WARM = ChainConfig(name="default", options={"temperature": 0.3})
LIMITED = ChainConfig(name="default", options={"max_tokens": 9})


Holds = Callable[[Body], bool]


def refusing(holds: Holds, status: int, message: str, says: str = "好。") -> Callable[[Body], Act]:
    """Return a server that refuses a request for which something holds, and answers any other."""

    def otherwise(body: Body) -> Act:
        return Fails(status, message=message) if holds(body) else Says(says)

    return otherwise


def streams(body: Body) -> bool:
    return bool(body.get("stream"))


def counts(body: Body) -> bool:
    return "stream_options" in body


def has_system(body: Body) -> bool:
    return any(message["role"] == "system" for message in body["messages"])


def has_tools(body: Body) -> bool:
    return "tools" in body


def is_warm(body: Body) -> bool:
    return "temperature" in body


def has_max_tokens(body: Body) -> bool:
    return "max_tokens" in body


def wants_json(body: Body) -> bool:
    return "response_format" in body


REFUSALS = [
    pytest.param(streams, 400, "stream is not supported by this model", None, id="no streams"),
    pytest.param(
        streams, 400, "Unsupported value: 'stream' does not support true with this model.", None, id="OpenAI's o1"
    ),
    pytest.param(streams, 403, "Streaming requests are not yet allowed.", None, id="Azure's o1"),
    pytest.param(streams, 422, "该模型不支持流式输出", None, id="no streams, in Chinese"),
    pytest.param(streams, 501, "not implemented", None, id="501"),
    pytest.param(counts, 400, "Unrecognized request argument supplied: stream_options", None, id="no counts"),
    pytest.param(
        counts, 422, "body.stream_options.include_usage: Extra inputs are not permitted", None, id="Mistral on Azure"
    ),
    pytest.param(has_system, 400, "System role not supported", PERSONA, id="Gemma's template on vLLM"),
    pytest.param(has_system, 500, "Jinja Exception: System role not supported", PERSONA, id="and on llama.cpp"),
    pytest.param(has_system, 400, "Developer instruction is not enabled for models/gemma-3", PERSONA, id="Google's"),
    pytest.param(
        has_system, 400, "Conversation roles must alternate user/assistant/user/assistant/...", PERSONA, id="Mistral's"
    ),
    pytest.param(
        has_tools,
        400,
        '"auto" tool choice requires --enable-auto-tool-choice to be set',
        TOOLS,
        id="vLLM without tools",
    ),
    pytest.param(has_tools, 400, "registry.ollama.ai/library/x does not support tools", TOOLS, id="Ollama's"),
    pytest.param(has_tools, 500, "tools param requires --jinja flag", TOOLS, id="llama.cpp without --jinja"),
    pytest.param(has_tools, 404, "No endpoints found that support tool use", TOOLS, id="OpenRouter's"),
    pytest.param(has_tools, 400, "that did not work", TOOLS, id="a refusal without a reason"),
    pytest.param(
        is_warm,
        400,
        "Unsupported value: 'temperature' does not support 0.3 with this model. Only the default is.",
        WARM,
        id="an option, by OpenAI",
    ),
    pytest.param(is_warm, 400, "`temperature` is deprecated for this model.", WARM, id="an option, by Anthropic"),
    pytest.param(
        has_max_tokens,
        400,
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        LIMITED,
        id="an option that has a new name",
    ),
    pytest.param(
        wants_json, 400, "'response_format.type' must be 'json_schema' or 'text'", AS_JSON, id="LM Studio's JSON"
    ),
]


@pytest.mark.parametrize(("holds", "status", "message", "chain"), REFUSALS)
async def test_what_is_refused_is_left_out_from_then_on(
    holds: Holds, status: int, message: str, chain: ChainConfig | None
) -> None:
    said = '{"a": 1}' if chain is AS_JSON else "好。"
    async with OpenAIServer(otherwise=refusing(holds, status, message, said)) as server:
        with capture_logs() as logged:
            async with open_chains_harness(server.base_url, chain=chain or ChainConfig(name="default")) as it:
                for drafts in (False, True, False):
                    await it.outcome("你好", streams=drafts)
        requests = server.bodies

    assert [True, False, False, False] == [holds(body) for body in requests]
    assert 1 == sum(line["event"] == "model_refuses_part" for line in logged)
    if chain is LIMITED:
        assert 9 == requests[-1]["max_completion_tokens"]
    if chain is PERSONA:
        assert [{"role": "user", "content": "你是海盗。\n\n你好"}] == requests[-1]["messages"]


async def test_a_model_that_only_streams_is_asked_for_a_stream_by_all_who_ask(server: OpenAIServer) -> None:
    async with open_chains_harness(server.base_url) as it:
        for drafts in (False, True):
            await it.outcome("你好", streams=drafts)

    assert [True, True] == [body["stream"] for body in server.bodies]


async def test_a_refusal_that_changes_nothing_is_told_as_it_was(server: OpenAIServer) -> None:
    server.script(Fails(400, message="odd"), Fails(400, message="odd"))
    async with open_chains_harness(server.base_url, chain=TOOLS) as it:
        with pytest.raises(AnswerFailed, match="odd") as failed:
            await it.outcome("你好")
        await it.outcome("你好")

    assert "model.refused" == failed.value.reason
    assert [True, False, True] == [has_tools(body) for body in server.bodies]


SEEN = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}, {"type": "text"}]}


@pytest.mark.parametrize(
    ("status", "said", "is_refused"),
    [
        pytest.param(400, "unknown variant `image_url`, expected `text`", True, id="DeepSeek"),
        pytest.param(400, "At most 0 image(s) may be provided in one request.", True, id="vLLM"),
        pytest.param(500, "image input is not supported - hint: you may need to provide the mmproj", True, id="llama"),
        pytest.param(400, "Invalid content type. image_url is only supported by certain models.", True, id="OpenAI"),
        pytest.param(404, "No endpoints found that support image input", True, id="OpenRouter"),
        pytest.param(400, "x is not a multimodal model", True, id="SGLang"),
        pytest.param(400, "该模型不支持图片输入", True, id="in Chinese"),
        pytest.param(400, "image input supports at most 20 MB", False, id="what is supported"),
        pytest.param(400, "unsupported image format: webp", False, id="a format"),
        pytest.param(400, "The image is too large and not supported", False, id="a size"),
        pytest.param(400, "图片格式不支持", False, id="a format, in Chinese"),
        pytest.param(400, "this question is about an image. I do not support war", False, id="two sentences"),
    ],
)
def test_a_refusal_of_pictures_is_told_from_one_of_a_single_picture(
    status: int, said: str, *, is_refused: bool
) -> None:
    request = httpx2.Request("POST", "http://127.0.0.1")
    error = openai.APIStatusError(said, response=httpx2.Response(status, request=request), body={"message": said})

    assert is_refused is (Adaptation.PICTURES in proposals(error, {"messages": [SEEN]}, frozenset()))


def test_a_model_that_refused_pictures_is_not_shown_any_for_a_while() -> None:
    table = {"model": "m", "base_url": "http://127.0.0.1:9", "vision": True}
    models = ModelRegistry(Settings.model_validate({"models": {"default": table}}), Catalogue("en"))
    before = models.sees("default")
    models.adaptations("default").remember(Adaptation.PICTURES, provider_answer(RuntimeError("x")))

    assert (True, False) == (before, models.sees("default"))


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(Fails(400, "context_length_exceeded", "tools"), id="a full context"),
        pytest.param(Fails(429, message="stream not supported"), id="a limit"),
        pytest.param(Fails(401, message="system role not supported"), id="a key"),
        pytest.param(Fails(400, "content_filter", "tools"), id="a filter"),
    ],
)
async def test_other_refusals_are_not_asked_around(server: OpenAIServer, act: Act) -> None:
    server.script(act)
    async with open_chains_harness(server.base_url, chain=TOOLS) as it:
        with pytest.raises(AnswerFailed):
            await it.outcome("你好")

    assert 1 == len(server.asked)


async def test_a_model_that_says_both_no_stream_and_only_streams_is_asked_twice_and_no_more() -> None:
    def otherwise(body: Body) -> Act:
        return Fails(400, message="stream is not supported" if streams(body) else "This model only support stream mode")

    async with OpenAIServer(otherwise=otherwise) as server, open_chains_harness(server.base_url) as it:
        with pytest.raises(AnswerFailed):
            await it.outcome("你好")

        assert 2 == len(server.asked)


def test_a_refusal_is_forgotten_after_a_while() -> None:
    now = [0.0]
    memory = AdaptationMemory("m", clock=lambda: now[0])
    error = RuntimeError("x")
    memory.remember(Adaptation.TOOLS, provider_answer(error))
    now[0] = SECONDS - 1
    before = memory.active()
    now[0] = SECONDS + 1

    assert {Adaptation.TOOLS} == before
    assert frozenset() == memory.active()


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param(
            [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}],
            [{"role": "user", "content": "S\n\nQ"}],
            id="before the question",
        ),
        pytest.param(
            [
                {"role": "system", "content": "S"},
                {"role": "user", "content": "1"},
                {"role": "assistant", "content": "2"},
                {"role": "user", "content": "Q"},
            ],
            [
                {"role": "user", "content": "S\n\n1"},
                {"role": "assistant", "content": "2"},
                {"role": "user", "content": "Q"},
            ],
            id="before the first of several",
        ),
        pytest.param(
            [{"role": "system", "content": "S"}, {"role": "user", "content": [{"type": "image_url"}]}],
            [{"role": "user", "content": [{"type": "text", "text": "S"}, {"type": "image_url"}]}],
            id="before a picture",
        ),
        pytest.param([{"role": "user", "content": "Q"}], [{"role": "user", "content": "Q"}], id="nothing to put"),
        pytest.param([{"role": "system", "content": "S"}], [{"role": "user", "content": "S"}], id="no user"),
    ],
)
def test_a_persona_goes_before_the_first_words_of_the_user(
    messages: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> None:
    assert expected == without_system(messages)
