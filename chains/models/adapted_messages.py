"""LangChain's messages as servers see them, and without what a server refuses."""

from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage, convert_to_openai_messages

from chains.models.openai.adaptations import UNSEEN, Adaptation

_PICTURES = frozenset({"image", "image_url"})


def wire_messages(asked: LanguageModelInput) -> list[dict[str, Any]]:
    """Return messages as the OpenAI protocol has them: roles and parts, by which refusals are read."""
    return [dict(message) for message in convert_to_openai_messages(asked)] if isinstance(asked, list) else []


def adapted_messages(asked: LanguageModelInput, active: frozenset[Adaptation]) -> LanguageModelInput:
    """Return messages without the parts that their server refuses."""
    if not isinstance(asked, list) or not all(isinstance(message, BaseMessage) for message in asked):
        return asked
    messages = [message for message in asked if isinstance(message, BaseMessage)]
    if Adaptation.PICTURES in active:
        messages = [_without_pictures(message) for message in messages]
    return _without_system(messages) if Adaptation.SYSTEM in active else messages


def _without_system(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    said = [message.text for message in messages if isinstance(message, SystemMessage)]
    others = [message for message in messages if not isinstance(message, SystemMessage)]
    if not said:
        return others
    before = "\n\n".join(said)
    place = next((place for place, message in enumerate(others) if isinstance(message, HumanMessage)), None)
    if place is None:
        return [HumanMessage(before), *others]
    content = others[place].content
    together = f"{before}\n\n{content}" if isinstance(content, str) else [{"type": "text", "text": before}, *content]
    return [*others[:place], HumanMessage(together), *others[place + 1 :]]


def _without_pictures(message: BaseMessage) -> BaseMessage:
    if not isinstance(message, HumanMessage) or isinstance(message.content, str):
        return message
    parts = [part if isinstance(part, dict) else {"type": "text", "text": part} for part in message.content]
    if all(part.get("type") not in _PICTURES for part in parts):
        return message
    words = [UNSEEN if part.get("type") in _PICTURES else str(part.get("text", "")) for part in parts]
    return HumanMessage("\n".join(word for word in words if word))
