"""Makes LangChain's messages of what was read, and gives a server back what it wants of its own messages."""

from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk

from chains.models.openai.answer_reader import AnswerReader
from chains.models.openai.token_usage import usage_metadata
from chains.models.openai.tool_calls import parsed_arguments
from chains.models.response import PICTURES, REASONING, REFUSAL, SENT

_CALLS = "calls"
_FIELDS = "fields"
_PLAIN_CONTENT = "content"

Places = tuple[int, int]
"""How many pieces of speech and of thought have been given on."""


def message_of(reader: AnswerReader, model: str) -> AIMessage:
    """Return a message that was read to its end."""
    calls, invalid = reader.calls.read()
    return AIMessage(
        "".join(reader.text),
        additional_kwargs=_beside(reader) | _thought(reader),
        tool_calls=calls,
        invalid_tool_calls=invalid,
        usage_metadata=usage_metadata(reader.usage),
        response_metadata=_about(reader, model),
    )


def chunk_of(reader: AnswerReader, places: Places) -> tuple[AIMessageChunk | None, Places]:
    """Return what was read since `places`, if it is anything to show, and how far that goes."""
    text = "".join(reader.text[places[0] :])
    thoughts = reader.thought_pieces
    thought = "".join(thoughts[places[1] :])
    now = (len(reader.text), len(thoughts))
    if not (text or thought):
        return None, now
    return AIMessageChunk(content=text, additional_kwargs={REASONING: thought} if thought else {}), now


def ending_of(reader: AnswerReader, model: str) -> AIMessageChunk:
    """Return the last piece of a message: its tools, counts, pictures, and why it ended."""
    message = AIMessageChunk(
        content="",
        additional_kwargs=_beside(reader),
        usage_metadata=usage_metadata(reader.usage),
        response_metadata=_about(reader, model),
        chunk_position="last",
    )
    reader.calls.put_into(message)
    return message


def sent_messages(given: LanguageModelInput, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages as they are sent, with what their server gave beside those that were its own."""
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != len(messages):
        return messages
    return [
        _given_back(message, each.additional_kwargs[SENT])
        if isinstance(each, AIMessage) and SENT in each.additional_kwargs
        else message
        for each, message in zip(given, messages, strict=True)
    ]


def _given_back(message: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    whole = {**message, **sent.get(_FIELDS, {})}
    extras = sent.get(_CALLS, ())
    if calls := whole.get("tool_calls"):
        whole["tool_calls"] = [
            {**call, **(extras[place] if place < len(extras) else {})} for place, call in enumerate(calls)
        ]
    return whole


def _thought(reader: AnswerReader) -> dict[str, Any]:
    return {REASONING: reader.reasoning} if reader.reasoning else {}


def _beside(reader: AnswerReader) -> dict[str, Any]:
    """Return what a message has beside its words, and what its server may want back with its calls."""
    beside: dict[str, Any] = {}
    if refusal := "".join(reader.refusal):
        beside[REFUSAL] = refusal
    if reader.pictures:
        beside[PICTURES] = tuple(reader.pictures)
    calls = [call for call in reader.calls.calls if call.name]
    if calls:
        # Those whose arguments cannot be read come last, as they do in LangChain's message.
        ordered = sorted(calls, key=lambda call: parsed_arguments(call.arguments) is None)
        beside[SENT] = {_FIELDS: reader.sent_back(), _CALLS: [call.extra for call in ordered]}
    return beside


def _about(reader: AnswerReader, model: str) -> dict[str, Any]:
    return {"finish_reason": reader.finish, "model_name": reader.model or model}
