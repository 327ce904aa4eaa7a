"""Reads the events of other protocols' streams as OpenAI's: what gateways hand on from behind them.

Anthropic's events: https://docs.anthropic.com/en/docs/build-with-claude/streaming; those of OpenAI's own responses API:
https://platform.openai.com/docs/api-reference/responses-streaming. Both name in `type` what an event is.
"""

from collections.abc import Mapping
from typing import Any

_RESPONSES = "response."
_ENDS = {"response.completed": "stop", "response.incomplete": "length", "response.failed": "error"}
_SILENT = frozenset({"content_block_stop", "message_stop", "ping"})


def as_chunk(event: Mapping[str, Any]) -> Mapping[str, Any] | None:  # noqa: PLR0911 - one for each kind of event
    """Return an event of another protocol as a chunk of ours, {} for one without words; None for any other value."""
    kind = event.get("type")
    if not isinstance(kind, str) or "choices" in event or event.get("error"):
        return None
    if kind.startswith(_RESPONSES):
        return _of_responses(kind, event)
    if kind in _SILENT:
        return {}
    match kind:
        case "message_start" if isinstance(message := event.get("message"), Mapping):
            return {**_chunk({"content": ""}), "model": message.get("model"), "usage": message.get("usage")}
        case "content_block_start" if isinstance(block := event.get("content_block"), Mapping):
            return _block(block, event.get("index"))
        case "content_block_delta" if isinstance(delta := event.get("delta"), Mapping):
            return _delta(delta, event.get("index"))
        case "message_delta" if isinstance(delta := event.get("delta"), Mapping):
            return {**_chunk({}, delta.get("stop_reason")), "usage": event.get("usage")}
        case _:
            return None


def _chunk(delta: Mapping[str, Any], finish: object = None) -> dict[str, Any]:
    return {"choices": [{"delta": delta, "finish_reason": finish}]}


def _block(block: Mapping[str, Any], index: object) -> dict[str, Any]:
    match block.get("type"):
        case "tool_use":
            return _called(index, block.get("id"), block.get("name"), "")
        case "thinking":
            return _chunk({"reasoning_content": block.get("thinking") or ""})
        case _:
            return _chunk({"content": block.get("text") or ""})


def _delta(delta: Mapping[str, Any], index: object) -> dict[str, Any]:
    match delta.get("type"):
        case "input_json_delta":
            return _called(index, None, None, delta.get("partial_json"))
        case "thinking_delta":
            return _chunk({"reasoning_content": delta.get("thinking")})
        case "text_delta":
            return _chunk({"content": delta.get("text")})
        case _:
            return {}


def _called(index: object, call_id: object, name: object, arguments: object) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    call = {"index": index, "type": "function", "function": function, **({"id": call_id} if call_id else {})}
    return _chunk({"tool_calls": [call]})


def _of_responses(kind: str, event: Mapping[str, Any]) -> dict[str, Any]:  # noqa: PLR0911 - the same
    response = event.get("response")
    if kind in _ENDS and isinstance(response, Mapping):
        if response.get("error"):
            return {"error": response["error"]}
        why = response.get("incomplete_details")
        reason = why.get("reason") if isinstance(why, Mapping) else None
        return {**_chunk({}, reason or _ENDS[kind]), "model": response.get("model"), "usage": response.get("usage")}
    item = event.get("item")
    if kind == "response.output_item.added" and isinstance(item, Mapping) and item.get("type") == "function_call":
        return _called(event.get("output_index"), item.get("call_id") or item.get("id"), item.get("name"), "")
    delta = event.get("delta")
    if not isinstance(delta, str):
        # What has come in pieces comes once more as a whole.
        return {}
    if kind == "response.function_call_arguments.delta":
        return _called(event.get("output_index"), None, None, delta)
    if kind.startswith("response.reasoning"):
        return _chunk({"reasoning_content": delta})
    return _chunk({"content": delta}) if kind in {"response.output_text.delta", "response.refusal.delta"} else {}
