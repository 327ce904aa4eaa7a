"""Answers of every shape that servers have been seen to give are used, asked for whole or as a stream."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chains.catalog.config import ChainConfig
from pipeline.errors import AnswerFailed
from pipeline.replies import TextReply
from tests.chains.harness import open_chains_harness, remembered
from tests.fakes.openai_server import OpenAIServer, Raw, Says

SSE = "text/event-stream"


def whole(message: object, **beside: object) -> Raw:
    return Raw(json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **beside}).encode())


def events(*deltas: Mapping[str, Any], end: str = "\n\n", done: bool = True, finish: str | None = "stop") -> bytes:
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    last = [{"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}] if finish else []
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}" for chunk in (*chunks, *last)]
    return end.join([*lines, *(["data: [DONE]"] if done else []), ""]).encode()


def lines(*values: object) -> bytes:
    return b"\n".join(json.dumps(value, ensure_ascii=False).encode() for value in values)


def typed(*values: Mapping[str, object]) -> bytes:
    """Name each event before it, as Anthropic does."""
    return b"".join(
        f"event: {value['type']}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode() for value in values
    )


OK = {"role": "assistant", "content": "你好。"}
HALVES = ({"content": "你"}, {"content": "好。"})

SHAPES = [
    pytest.param(whole({"content": "你好。"}), id="no role"),
    pytest.param(whole({"role": "", "content": "你好。"}), id="an empty role"),
    pytest.param(whole({"role": None, "content": "你好。"}), id="null for a role"),
    pytest.param(whole({"role": "model", "content": "你好。"}), id="another role"),
    pytest.param(whole({"role": 7, "content": "你好。"}), id="a number for a role"),
    pytest.param(whole({"content": [{"type": "text", "text": "你好。"}]}), id="content in parts"),
    pytest.param(whole({"content": ["你", "好。"]}), id="content in strings"),
    pytest.param(
        whole({"content": [{"type": "text", "text": {"value": "你好。"}}]}), id="a part whose text is an object"
    ),
    pytest.param(whole({"content": [{"type": "output_text", "text": "你好。"}, None, {}]}), id="odd parts"),
    pytest.param(whole({"content": {"type": "text", "text": "你好。"}}), id="content as one part"),
    pytest.param(whole({"content": {"parts": [{"text": "你好。"}]}}), id="content as Gemini has it"),
    pytest.param(
        whole({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "你好。"}]}),
        id="a thought in parts",
    ),
    pytest.param(whole(OK | {"reasoning": "hm"}), id="reasoning"),
    pytest.param(whole(OK | {"reasoning": {"text": "hm"}}), id="reasoning as an object"),
    pytest.param(whole(OK | {"thinking": "hm", "reasoning_content": None}), id="thinking"),
    pytest.param(whole(OK | {"tool_calls": None, "function_call": None, "refusal": None}), id="null for calls"),
    pytest.param(whole(OK | {"tool_calls": []}), id="no calls"),
    pytest.param(whole(OK | {"tool_calls": {}, "annotations": [{}], "audio": None}), id="odd fields"),
    pytest.param(whole("你好。"), id="a message that is text"),
    pytest.param(whole(OK, usage=[]), id="usage as a list"),
    pytest.param(whole(OK, usage="none"), id="usage as text"),
    pytest.param(whole(OK, usage=None), id="null for usage"),
    pytest.param(whole(OK, usage={"prompt_tokens": None, "completion_tokens": {}}), id="usage without counts"),
    pytest.param(whole(OK, usage={"prompt_tokens": "7", "total_tokens": [1]}), id="counts as text"),
    pytest.param(whole(OK, error=None), id="null for an error beside the answer"),
    pytest.param(whole(OK, error={}, model=None, id=7, created="now"), id="odd fields beside the answer"),
    pytest.param(Raw(json.dumps({"choices": {"message": OK}}).encode()), id="one choice and no list"),
    pytest.param(Raw(json.dumps({"choices": [{"message": OK}, None, {}]}).encode()), id="odd choices behind the first"),
    pytest.param(Raw(json.dumps({"choices": [{"text": "你好。"}]}).encode()), id="a choice of text"),
    pytest.param(Raw(json.dumps({"choices": [{"delta": OK}]}).encode()), id="a whole answer called delta"),
    pytest.param(Raw(json.dumps({"message": OK, "done": True}).encode()), id="Ollama's own"),
    pytest.param(Raw(json.dumps({"content": [{"type": "text", "text": "你好。"}]}).encode()), id="Anthropic's"),
    pytest.param(Raw(json.dumps({"output": {"choices": [{"message": OK}]}}).encode()), id="DashScope's own"),
    pytest.param(Raw(json.dumps({"output": {"text": "你好。"}}).encode()), id="DashScope's old one"),
    pytest.param(
        Raw(json.dumps({"result": {"response": "你好。"}, "success": True, "errors": []}).encode()), id="a wrap"
    ),
    pytest.param(Raw(json.dumps({"result": "你好。"}).encode()), id="a result"),
    pytest.param(Raw(json.dumps({"data": {"choices": [{"message": OK}]}, "code": 0}).encode()), id="a gateway's wrap"),
    pytest.param(
        Raw(
            json.dumps({"candidates": [{"content": {"parts": [{"text": "你好。"}]}, "finishReason": "STOP"}]}).encode()
        ),
        id="Gemini's own",
    ),
    pytest.param(
        Raw(
            json.dumps(
                {"output": [{"type": "message", "content": [{"type": "output_text", "text": "你好。"}]}]}
            ).encode()
        ),
        id="the responses API's",
    ),
    pytest.param(Raw(json.dumps([{"choices": [{"message": OK}]}]).encode()), id="in a list"),
    pytest.param(Raw(b"\xef\xbb\xbf" + whole(OK).body), id="a byte order mark"),
    pytest.param(Raw(b"\n \r\n" + whole(OK).body + b"\r\n\r\n"), id="white space around it"),
    pytest.param(Raw(json.dumps(json.loads(whole(OK).body), indent=2).encode()), id="over many lines"),
    pytest.param(Raw(whole(OK).body, content_type="text/html"), id="called a web page"),
    pytest.param(Raw(whole(OK).body, content_type=SSE), id="whole and called a stream"),
    pytest.param(Raw(whole(OK).body, content_type=""), id="called nothing"),
    pytest.param(Raw(events(*HALVES)), id="a stream called JSON"),
    pytest.param(Raw(events(*HALVES), content_type="text/plain"), id="a stream called text"),
    pytest.param(Raw(events(*HALVES), content_type=SSE), id="a stream"),
    pytest.param(Raw(events(*HALVES, end="\r\n\r\n"), content_type=SSE), id="CRLF"),
    pytest.param(Raw(events(*HALVES, end="\r\r"), content_type=SSE), id="CR"),
    pytest.param(Raw(events(*HALVES, end="\n"), content_type=SSE), id="no empty lines"),
    pytest.param(Raw(events(*HALVES).replace(b"data: ", b"data:"), content_type=SSE), id="no space"),
    pytest.param(Raw(events(*HALVES).replace(b"data: ", b"data: data: "), content_type=SSE), id="data twice"),
    pytest.param(Raw(b"\xef\xbb\xbf" + events(*HALVES), content_type=SSE), id="a mark before a stream"),
    pytest.param(Raw(events(*HALVES, done=False), content_type=SSE), id="no [DONE]"),
    pytest.param(Raw(events(*HALVES, done=False).rstrip(), content_type=SSE), id="no end of the last line"),
    pytest.param(Raw(events(*HALVES, finish=None), content_type=SSE), id="no reason why it ended"),
    pytest.param(Raw(events(*HALVES, finish=None, done=False), content_type=SSE), id="a stream that just ends"),
    pytest.param(Raw(b": OPENROUTER PROCESSING\n\n" * 9 + events(*HALVES), content_type=SSE), id="comments"),
    pytest.param(Raw(b"event: ping\ndata: {}\n\nid: 7\nretry: 100\n" + events(*HALVES), content_type=SSE), id="pings"),
    pytest.param(Raw(b"data: \n\ndata:\n\n" + events(*HALVES), content_type=SSE), id="empty events"),
    pytest.param(Raw(b"data: {broken\n\n" + events(*HALVES), content_type=SSE), id="a broken event"),
    pytest.param(
        Raw(b'data: {"choices":\ndata: []}\n\n' + events(*HALVES), content_type=SSE), id="an event over lines"
    ),
    pytest.param(
        Raw(b'data: {"choices": [], "prompt_filter_results": []}\n\n' + events(*HALVES), content_type=SSE),
        id="Azure's first event",
    ),
    pytest.param(
        Raw(b'data: {"choices": [{"index": 0}]}\n\ndata: {"choices": [{"delta": null}]}\n\n' + events(*HALVES)),
        id="no delta",
    ),
    pytest.param(Raw(events({"role": "assistant"}, {"content": None}, *HALVES, {"content": ""})), id="empty deltas"),
    pytest.param(Raw(events({"content": [{"type": "text", "text": "你"}]}, {"content": "好。"})), id="deltas in parts"),
    pytest.param(Raw(events({"reasoning_content": "hm"}, *HALVES)), id="a thought streamed"),
    pytest.param(Raw(events({"reasoning": "h", "reasoning_content": "h"}, *HALVES)), id="a thought under two names"),
    pytest.param(
        Raw(events(*HALVES, finish=None, done=False) + b"data: " + whole(OK).body + b"\n\n"), id="the whole once more"
    ),
    pytest.param(
        Raw(lines({"choices": [{"delta": {"content": "你"}}]}, {"choices": [{"delta": {"content": "好。"}}]})),
        id="NDJSON",
    ),
    pytest.param(
        Raw(
            lines(
                {"message": {"role": "assistant", "content": "你"}, "done": False},
                {"message": {"role": "assistant", "content": "好。"}, "done": False},
                {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop", "eval_count": 2},
            ),
            content_type="application/x-ndjson",
        ),
        id="Ollama's own stream",
    ),
    pytest.param(
        Raw(
            b"".join(
                b"data: %b\n\n" % line
                for line in lines({"choices": [{"text": "你"}]}, {"choices": [{"text": "好。"}]}).split(b"\n")
            )
        ),
        id="a stream of texts",
    ),
    pytest.param(
        Raw(
            typed(
                {
                    "type": "message_start",
                    "message": {"role": "assistant", "content": [], "usage": {"input_tokens": 3}},
                },
                {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "x"}},
                {"type": "content_block_stop", "index": 0},
                {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "你"}},
                {"type": "ping"},
                {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "好。"}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
                {"type": "message_stop"},
            ),
            content_type=SSE,
        ),
        id="Anthropic's stream",
    ),
    pytest.param(
        Raw(
            typed(
                {"type": "response.created", "response": {"output": []}},
                {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "content": []}},
                {"type": "response.reasoning_summary_text.delta", "delta": "hm"},
                {"type": "response.output_text.delta", "delta": "你"},
                {"type": "response.output_text.delta", "delta": "好。"},
                {"type": "response.output_text.done", "text": "你好。"},
                {
                    "type": "response.completed",
                    "response": {
                        "output": [{"type": "message", "content": [{"type": "output_text", "text": "你好。"}]}],
                        "usage": {"input_tokens": 3, "output_tokens": 2},
                    },
                },
            ),
            content_type=SSE,
        ),
        id="the responses API's stream",
    ),
]


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "in drafts"])
async def test_an_answer_of_an_odd_shape_reaches_the_person(server: OpenAIServer, *, streams: bool) -> None:
    wrong: dict[str | None, object] = {}
    async with open_chains_harness(server.base_url) as it:
        for shape in SHAPES:
            server.script(*shape.values)  # type: ignore[arg-type]
            try:
                said = (await it.outcome("hello", streams=streams)).replies
            except AnswerFailed as failed:
                wrong[str(shape.id)] = failed.reason
            else:
                if said != (TextReply("你好。"),):
                    wrong[str(shape.id)] = said

    assert {} == wrong
    assert len(SHAPES) == len(server.asked)


JSON_ERRORS = [
    pytest.param({"error": {"code": "insufficient_quota", "message": "no"}}, "model.quota", id="an object"),
    pytest.param({"error": "Rate limit reached for requests"}, "model.busy", id="text"),
    pytest.param({"error": [{"code": "model_not_found", "message": "no"}]}, "model.missing", id="a list"),
    pytest.param({"choices": [], "error": {"code": 429, "message": "slow down"}}, "model.busy", id="with no choices"),
    pytest.param({"choices": None, "error": {"code": "context_length_exceeded"}}, "model.too_long", id="null choices"),
    pytest.param({"object": "error", "message": "Invalid token", "code": 401}, "model.key", id="vLLM's old one"),
    pytest.param({"detail": "Model not found: nothing", "status": 404}, "model.missing", id="a detail"),
    pytest.param({"code": "InvalidApiKey", "message": "no", "request_id": "1"}, "model.key", id="DashScope's own"),
    pytest.param({"error_code": 18, "error_msg": "Open api qps request limit reached"}, "model.busy", id="Baidu's"),
    pytest.param(
        {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}, "choices": None},
        "model.quota",
        id="MiniMax's",
    ),
    pytest.param(
        {"success": False, "errors": [{"code": 5, "message": "unknown model"}]}, "model.missing", id="a wrap's"
    ),
    pytest.param(
        {"type": "error", "error": {"type": "overloaded_error", "message": "no"}}, "model.busy", id="Anthropic's"
    ),
]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "as an event"])
async def test_an_error_inside_an_answer_that_is_called_good_is_told(server: OpenAIServer, *, streamed: bool) -> None:
    reasons = {}
    async with open_chains_harness(server.base_url) as it:
        for error in JSON_ERRORS:
            raw = json.dumps(error.values[0]).encode()
            server.script(Raw(b"data: " + raw + b"\n\n", content_type=SSE) if streamed else Raw(raw))
            with pytest.raises(AnswerFailed) as failed:
                await it.outcome("hello")
            reasons[error.id] = failed.value.reason

    assert {error.id: error.values[1] for error in JSON_ERRORS} == reasons


ZONE = 'zone": "Asia/Tokyo"}'
ANTHROPIC_CALL = typed(
    {"type": "message_start", "message": {"content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "tool_use", "id": "toolu_1", "name": "current_time", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "input_json_delta", "partial_json": '{"time_zone": '},
    },
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '"Asia/Tokyo"}'}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
)
RESPONSES_CALL = typed(
    {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {"type": "function_call", "call_id": "toolu_1", "name": "current_time", "arguments": ""},
    },
    {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": '{"time_zone": '},
    {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": '"Asia/Tokyo"}'},
    {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": '{"time_zone": "Asia/Tokyo"}'},
    {"type": "response.completed", "response": {"output": []}},
)


@pytest.mark.parametrize("body", [ANTHROPIC_CALL, RESPONSES_CALL], ids=["Anthropic's", "the responses API's"])
async def test_a_tool_is_called_by_the_events_of_another_protocol(server: OpenAIServer, body: bytes) -> None:
    server.script(Raw(body, content_type=SSE), Says("九点。"))
    async with open_chains_harness(server.base_url, chain=ChainConfig(name="default", tools=("current_time",))) as it:
        assert "九点。" == await it.said("几点？")

    result = server.bodies[1]["messages"][-1]
    assert ("tool", "toolu_1", True) == (result["role"], result["tool_call_id"], "Asia/Tokyo" in result["content"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(
            typed({"type": "message_start", "message": {}}, {"type": "error", "error": {"type": "overloaded_error"}}),
            "model.busy",
            id="Anthropic's",
        ),
        pytest.param(
            typed({"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "x"}}}),
            "model.busy",
            id="the responses API's",
        ),
    ],
)
async def test_an_error_in_the_events_of_another_protocol_is_told(
    server: OpenAIServer, body: bytes, reason: str
) -> None:
    server.script(Raw(body, content_type=SSE))
    async with open_chains_harness(server.base_url) as it:
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome("hello")

    assert reason == failed.value.reason


@pytest.mark.parametrize(
    ("body", "cut"),
    [
        pytest.param(
            typed(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "half"}},
                {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}},
            ),
            "length",
            id="Anthropic's",
        ),
        pytest.param(
            typed(
                {"type": "response.output_text.delta", "delta": "half"},
                {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "content_filter"}}},
            ),
            "filtered",
            id="the responses API's",
        ),
    ],
)
async def test_a_cut_in_the_events_of_another_protocol_is_told(server: OpenAIServer, body: bytes, cut: str) -> None:
    server.script(Raw(body, content_type=SSE))
    async with open_chains_harness(server.base_url) as it:
        origin = remembered(await it.outcome("hello")).provenance

    assert cut == origin.cut


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        pytest.param({"prompt_tokens": 9, "completion_tokens": 4}, (9, 4), id="the protocol's"),
        pytest.param({"input_tokens": 9, "output_tokens": 4}, (9, 4), id="the responses API's"),
        pytest.param({"promptTokenCount": 9, "candidatesTokenCount": 4}, (9, 4), id="Gemini's"),
        pytest.param({"prompt_tokens": "9", "completion_tokens": 4.0}, (9, 4), id="text and fractions"),
        pytest.param({"usage": {"prompt_tokens": 9, "completion_tokens": 4}}, (9, 4), id="one in another"),
    ],
)
async def test_tokens_are_counted_by_every_name(
    server: OpenAIServer, usage: dict[str, object], counted: tuple[int, int]
) -> None:
    server.script(whole(OK, usage=usage))
    async with open_chains_harness(server.base_url) as it:
        origin = remembered(await it.outcome("hello")).provenance

    assert counted == (origin.input_tokens, origin.output_tokens)


async def test_a_connection_lost_on_the_way_is_made_again_as_often_as_the_settings_say(server: OpenAIServer) -> None:
    server.script(Says("word " * 9, breaks_after=4), Says("至此。"))
    async with open_chains_harness(server.base_url, max_retries=1) as it:
        assert "至此。" == await it.said("hello")


async def test_every_answer_leaves_its_connection_to_the_next(server: OpenAIServer) -> None:
    async with open_chains_harness(server.base_url) as it:
        for _ in range(5):
            await it.said("hello")

    assert 1 == server.connections
