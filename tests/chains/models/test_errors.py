"""What goes wrong with a model becomes an honest sentence, and a line without secrets."""

import socket

import pytest
from structlog.testing import capture_logs

from chains.models.errors import to_answer_failed
from pipeline.errors import AnswerFailed
from pipeline.text.i18n import Catalogue, load_sentences
from tests.chains.harness import open_chains_harness
from tests.fakes.openai_server import Act, Breaks, Fails, Hangs, OpenAIServer, Raw, Says

KEY = "sk-very-secret-key-1234"
QUESTION = "the private question"

TABLE = [
    pytest.param(Hangs(), "model.timeout", id="silence"),
    pytest.param(Fails(408), "model.timeout", id="408"),
    pytest.param(Breaks(), "model.unreachable", id="the connection breaks"),
    pytest.param(Fails(401, "invalid_api_key", f"Incorrect API key provided: {KEY}"), "model.key", id="401"),
    pytest.param(Fails(403, "access_denied"), "model.key", id="403"),
    pytest.param(Fails(402, None, "Insufficient Balance"), "model.quota", id="402, DeepSeek's empty account"),
    pytest.param(Fails(429, "insufficient_quota", "check your plan"), "model.quota", id="429, OpenAI's empty account"),
    pytest.param(Fails(400, "Arrearage", "Access denied"), "model.quota", id="400, DashScope's empty account"),
    pytest.param(
        Fails(403, "insufficient_user_quota", "用户额度不足"), "model.quota", id="403, one-api's empty account"
    ),
    pytest.param(Fails(429, "rate_limit_exceeded"), "model.busy", id="429"),
    pytest.param(Fails(400, None, "insufficient_" * 5000), "model.refused", id="400, almost a known word for ever"),
    pytest.param(Fails(400, "c" * 1_000_000, "x " * 1_000_000), "model.refused", id="400, three megabytes"),
    pytest.param(Fails(404, "model_not_found"), "model.missing", id="404"),
    pytest.param(Fails(400, "data_inspection_failed", QUESTION), "model.filtered", id="400, DashScope's filter"),
    pytest.param(Fails(400, "content_policy_violation"), "model.filtered", id="400, OpenAI's filter"),
    pytest.param(Fails(400, "content_filter"), "model.filtered", id="400, Azure's filter"),
    pytest.param(Fails(400, "invalid_request_error", "Content Exists Risk"), "model.filtered", id="400, DeepSeek's"),
    pytest.param(Fails(400, "1301", "系统检测到输入内容可能包含不安全或敏感内容"), "model.filtered", id="400, Zhipu's"),
    pytest.param(
        Fails(400, "context_length_exceeded", "This model's maximum context length is 8192 tokens."),
        "model.too_long",
        id="400, OpenAI's window",
    ),
    pytest.param(
        Fails(400, "InvalidParameter", "Range of input length should be [1, 30720]"),
        "model.too_long",
        id="400, DashScope's window",
    ),
    pytest.param(
        Fails(400, "invalid_request_error", "Invalid request: Your request exceeded model token limit: 8192"),
        "model.too_long",
        id="400, Moonshot's window",
    ),
    pytest.param(Fails(400, "1261", "Prompt 超长"), "model.too_long", id="400, Zhipu's window"),
    pytest.param(Fails(413), "model.too_long", id="413"),
    pytest.param(Fails(400, "unsupported_parameter"), "model.refused", id="400"),
    pytest.param(Fails(422), "model.refused", id="422"),
    pytest.param(Fails(500), "model.broken", id="500"),
    pytest.param(Fails(503), "model.broken", id="503"),
    pytest.param(Raw(b"<html>Bad Gateway</html>", 502, "text/html"), "model.broken", id="502 with a web page"),
    pytest.param(Raw(b"<html>Log in</html>", 200, "text/html"), "model.garbled", id="a web page"),
    pytest.param(Raw(b""), "model.garbled", id="nothing"),
    pytest.param(Raw(b"\xff\xfe\x00"), "model.garbled", id="bytes"),
    pytest.param(Raw(b"[]"), "model.garbled", id="a list"),
    pytest.param(Raw(b"{}"), "model.garbled", id="an empty object"),
    pytest.param(Raw(b'{"choices": null}'), "model.garbled", id="null for choices"),
    pytest.param(Raw(b'{"choices": [{}]}'), "model.garbled", id="a choice without a message"),
    pytest.param(Raw(b'{"choices": [{"message": null}]}'), "model.garbled", id="null for a message"),
]

# In a stream, no choices are an answer without words.
ONLY_WHOLE = [
    pytest.param(Says("x", choices=0), "model.garbled", id="no choices"),
    pytest.param(
        Raw(b'{"error": {"code": "data_inspection_failed", "message": "no"}}'), "model.filtered", id="200 with an error"
    ),
    pytest.param(Raw(b'{"error": {"message": "overloaded"}}'), "model.busy", id="200 with an error in words alone"),
    pytest.param(Raw(b'{"error": {"message": "odd"}}'), "model.failed", id="200 with an error nobody knows"),
    pytest.param(Raw(b'{"error": {"message": "\\ud800 odd"}}'), "model.failed", id="200 with half a character"),
]

ONLY_STREAMED = [
    pytest.param(Says("word " * 10, breaks_after=4), "model.unreachable", id="the connection breaks half-way"),
    pytest.param(Says("word " * 10, hangs_after=4), "model.timeout", id="silence half-way"),
    pytest.param(
        Raw(b'data: {"error": {"code": "content_filter", "message": "no"}}\n\n', 200, "text/event-stream"),
        "model.filtered",
        id="an error in the stream",
    ),
]


@pytest.mark.parametrize(("act", "reason"), TABLE + ONLY_WHOLE)
async def test_a_failure_becomes_a_sentence(server: OpenAIServer, act: Act, reason: str) -> None:
    await fails(server, act, reason, streams=False)


@pytest.mark.parametrize(("act", "reason"), TABLE + ONLY_STREAMED)
async def test_a_failure_becomes_a_sentence_where_answers_stream(server: OpenAIServer, act: Act, reason: str) -> None:
    await fails(server, act, reason, streams=True)


async def fails(server: OpenAIServer, act: Act, reason: str, *, streams: bool) -> None:
    server.script(act)
    hangs = isinstance(act, Hangs) or (isinstance(act, Says) and act.hangs_after is not None)
    with capture_logs() as logged:
        async with open_chains_harness(server.base_url, api_key=KEY, timeout=0.3 if hangs else 30.0) as it:
            with pytest.raises(AnswerFailed) as raised:
                await it.steps(QUESTION, streams=streams)

    assert reason == raised.value.reason
    assert str(raised.value).startswith("[models.default]: ")
    assert "7" in Catalogue("zh").text(reason, trace="7")
    aloud = [line for line in logged if line["log_level"] != "debug"]
    for secret in (KEY, QUESTION):
        assert secret not in f"{raised.value} {raised.value.__cause__} {aloud}"
    assert KEY not in str(logged)
    assert raised.value.__suppress_context__


async def test_an_address_nobody_listens_at() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        async with open_chains_harness(f"http://127.0.0.1:{free.getsockname()[1]}/v1") as it:
            with pytest.raises(AnswerFailed) as raised:
                await it.outcome("hello")

    assert "model.unreachable" == raised.value.reason


async def test_a_model_that_cannot_be_opened_is_the_set_ups_fault() -> None:
    async with open_chains_harness("http://127.0.0.1:9", default_query="x") as it:
        with pytest.raises(AnswerFailed, match=r"\[models.default\].default_query") as raised:
            await it.outcome("hello")

    assert "model.setup" == raised.value.reason


def test_every_reason_is_a_sentence_with_a_trace_and_nothing_else_to_fill_in() -> None:
    for language in ("zh", "en"):
        for key, sentence in load_sentences(language).items():
            if key.startswith("model."):
                assert "{trace}" in sentence, key
                assert "7" in sentence.format(trace=7)


class _Answer:
    def __init__(self, status: int) -> None:
        self.status_code = status


def _error(name: str, said: str = "", **about: object) -> Exception:
    """Make an error as some library would: of a class that shares nothing with ours."""
    error = type(name, (Exception,), {})(said)
    vars(error).update(about)
    made: Exception = error
    return made


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(_error("HTTPStatusError", response=_Answer(401)), "model.key", id="a status in a response"),
        pytest.param(
            _error("ClientError", response={"ResponseMetadata": {"HTTPStatusCode": 429}, "Error": {"Code": "Busy"}}),
            "model.busy",
            id="AWS's",
        ),
        pytest.param(_error("GoogleError", code=503), "model.broken", id="a status as a code"),
        pytest.param(
            _caused(_error("ChatError"), _error("Inner", status_code=404)), "model.missing", id="a status in the cause"
        ),
        pytest.param(_error("Exception_", "[402] Payment Required"), "model.quota", id="a status in words"),
        pytest.param(_error("ReadTimeout"), "model.timeout", id="a time-out by its name"),
        pytest.param(_error("EndpointConnectionError"), "model.unreachable", id="nobody there by its name"),
        pytest.param(_error("NoCredentialsError"), "model.key", id="no key by its name"),
        pytest.param(_error("RuntimeError_", "could not resolve credentials"), "model.key", id="no key in words"),
        pytest.param(_error("Odd", code=7), "model.failed", id="nothing to go by"),
    ],
)
def test_errors_of_other_libraries_are_read_by_their_shape(error: Exception, reason: str) -> None:
    failure = to_answer_failed(error, model="default")

    assert reason == failure.reason
