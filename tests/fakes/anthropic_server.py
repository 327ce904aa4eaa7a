"""A server with Anthropic's messages API on a real socket, strict about requests and scripted as the OpenAI one is."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.fakes.openai_server import Act, Asked, Breaks, Fails, Hangs, Held, OpenAIServer, Raw, Says, Slow

# What a request may say; anything else the real one refuses with a 400.
_KNOWN = frozenset(
    {
        "model",
        "max_tokens",
        "messages",
        "metadata",
        "service_tier",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)
_ENDS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_TYPES = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}


def echo(body: Mapping[str, Any]) -> Says:
    """Answer with the last words, so that a test sees which question an answer belongs to."""
    last = body["messages"][-1]["content"]
    return Says(f"echo: {last if isinstance(last, str) else json.dumps(last)}")


class AnthropicServer(OpenAIServer):
    """The server; `Says` and `Fails` leave it in Anthropic's words."""

    def __init__(self, otherwise: Callable[[Mapping[str, Any]], Act] = echo) -> None:
        super().__init__(otherwise=otherwise)

    @property
    def base_url(self) -> str:
        """Give what a model's settings name as base_url."""
        return super().base_url.removesuffix("/v1")

    def act_for(self, asked: Asked) -> Act:
        """Choose what a request gets."""
        act = super().act_for(asked)
        wrong = _wrong(asked)
        return _translated(Fails(400, message=wrong) if wrong else act, asked.body)


def _wrong(asked: Asked) -> str:
    body = asked.body
    if asked.path != "/v1/messages":
        return f"no such path: {asked.path}"
    key = asked.headers.get("x-api-key") or asked.headers.get("authorization", "").removeprefix("Bearer ")
    if not (key and asked.headers.get("anthropic-version")):
        return "a key and anthropic-version: needed"
    if unknown := sorted(body.keys() - _KNOWN):
        return f"{unknown[0]}: Extra inputs are not permitted"
    if missing := sorted({"model", "max_tokens", "messages"} - body.keys()):
        return f"{missing[0]}: Field required"
    if any(message["role"] not in {"user", "assistant"} or not message["content"] for message in body["messages"]):
        return "messages: roles are user and assistant, and none is empty"
    spoken_of = any(
        block["type"] in {"tool_use", "tool_result"}
        for message in body["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
    )
    return "tools: needed where messages speak of them" if spoken_of and not body.get("tools") else ""


def _translated(act: Act, body: Mapping[str, Any]) -> Act:
    match act:
        case Says() if body.get("stream"):
            events = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in _events(act, body))
            return Raw(events.encode(), content_type="text/event-stream")
        case Says():
            return Raw(json.dumps(_message(act, body)).encode())
        case Fails(status, _, message):
            error = {"type": _TYPES.get(status, "api_error"), "message": message}
            return Raw(json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode(), status)
        case Slow() | Held():
            return replace(act, then=_translated(act.then, body))
        case Raw() | Hangs() | Breaks():
            return act


def _blocks(says: Says) -> list[dict[str, Any]]:
    thought = [{"type": "thinking", "thinking": says.reasoning, "signature": "c2ln"}] if says.reasoning else []
    words = [{"type": "text", "text": says.text}] if says.text else []
    calls = [
        {
            "type": "tool_use",
            "id": call["id"],
            "name": call["function"]["name"],
            "input": json.loads(call["function"]["arguments"]),
        }
        for call in says.tool_calls
    ]
    return [*thought, *words, *calls]


def _message(says: Says, body: Mapping[str, Any]) -> dict[str, Any]:
    read, written = says.usage or (0, 0)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": says.model or body["model"],
        "content": _blocks(says),
        "stop_reason": _ENDS.get(says.finish, says.finish),
        "stop_sequence": None,
        "usage": {"input_tokens": read, "output_tokens": written},
    }


def _events(says: Says, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a streamed answer consists of: each block begun, told in pieces and ended, then the tokens."""
    whole = _message(says, body)
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    yield {"type": "message_start", "message": begun}
    yield {"type": "ping"}
    for index, block in enumerate(whole["content"]):
        empty, deltas = _pieces(block, says.pieces)
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": whole["usage"]}
    yield {"type": "message_stop"}


def _pieces(block: Mapping[str, Any], length: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    match block["type"]:
        case "thinking":
            pieces = [{"type": "thinking_delta", "thinking": piece} for piece in _cut(block["thinking"], length)]
            signature = {"type": "signature_delta", "signature": block["signature"]}
            return {"type": "thinking", "thinking": "", "signature": ""}, [*pieces, signature]
        case "text":
            return {"type": "text", "text": ""}, [
                {"type": "text_delta", "text": piece} for piece in _cut(block["text"], length)
            ]
        case _:
            written = json.dumps(block["input"])
            return {**block, "input": {}}, [
                {"type": "input_json_delta", "partial_json": piece} for piece in _cut(written, length)
            ]


def _cut(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]
