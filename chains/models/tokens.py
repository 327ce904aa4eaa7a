"""How many tokens words are, by estimate: a provider's own table would have to be downloaded at run time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from langchain_core.messages import BaseMessage

from chains.models.response import ModelCall, ModelResponse
from pipeline.answer import Exchange

# Chinese and its neighbours, 0.65 tokens a character; everything else about a quarter. Measured on usage reports
# of several providers, and rather too many than too few.
_WIDE = 0x2E80
_WIDE_TOKENS = 0.65
_NARROW_TOKENS = 0.27
_MESSAGE = 4
"""What a message costs beside its words."""
_PICTURE = 1000
"""What a picture costs, about."""


class OfferedTool(Protocol):
    """A tool as a model is offered it."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """Return what the model is told of it."""


def estimate(text: str) -> int:
    """Return the tokens of a text, rounded up."""
    wide = sum(ord(character) >= _WIDE for character in text)
    return int(wide * _WIDE_TOKENS + (len(text) - wide) * _NARROW_TOKENS) + 1


def fitting(exchanges: Sequence[Exchange], most: int | None) -> tuple[Exchange, ...]:
    """Return the latest exchanges that together have at most so many tokens; None for any number."""
    if most is None:
        return tuple(exchanges)
    left = most
    kept: list[Exchange] = []
    for exchange in reversed(exchanges):
        left -= estimate(exchange.question) + estimate(exchange.answer) + 2 * _MESSAGE
        if left < 0:
            break
        kept.append(exchange)
    return tuple(reversed(kept))


def estimate_messages(messages: Sequence[BaseMessage]) -> int:
    """Return the tokens of messages, pictures and wishes for tools included."""
    return sum(_estimate_message(message) for message in messages)


def with_estimate(
    call: ModelCall, sent: Sequence[BaseMessage], heard: ModelResponse, tools: Mapping[str, OfferedTool]
) -> ModelCall:
    """Return a call with an estimate of the tokens that its provider did not count."""
    given, answered = call.input_tokens, call.output_tokens
    if not given:
        offered = json.dumps([tool.schema for tool in tools.values()], ensure_ascii=False, default=str)
        given = estimate_messages(sent) + (estimate(offered) if tools else 0)
    if not answered:
        wishes = "".join(f"{wish['name']}{wish['args']}" for wish in heard.tool_requests)
        answered = estimate(heard.text + heard.reasoning + heard.refusal + wishes)
    guessed = (given if not call.input_tokens else 0) + (answered if not call.output_tokens else 0)
    return replace(call, input_tokens=given, output_tokens=answered, estimated=guessed)


def _estimate_message(message: BaseMessage) -> int:
    content = message.content
    pictures = 0 if isinstance(content, str) else sum("image" in str(block)[:40] for block in content)
    wishes = "".join(f"{wish['name']}{wish['args']}" for wish in getattr(message, "tool_calls", ()))
    return estimate(message.text + wishes) + _MESSAGE + pictures * _PICTURE
