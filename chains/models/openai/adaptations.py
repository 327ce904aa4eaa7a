"""What a server refuses of the protocol, found out once and then left out of every request for a while.

Servers refuse parts of the protocol in words of their own: one model answers in streams only, the next in whole
answers only; Gemma's template knows no system role, an old vLLM no tools. Which part it is shows in the status, the
field that an error names, and only then in its words; a refusal without a reason may be about the tools. What a
request succeeds without is remembered by its model, logged, and tried again after `SECONDS`.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import structlog

from chains.models.errors import ProviderAnswer, provider_answer

log = structlog.get_logger()

SECONDS = 3600.0
"""How long a refusal is remembered."""


class Adaptation(StrEnum):
    """A part of the protocol that a server does without."""

    WHOLE = "streaming"
    USAGE = "stream_options"
    SYSTEM = "system_role"
    TOOLS = "tools"
    TOOL_CHOICE = "tool_choice"
    JSON_MODE = "response_format"
    REASONING = "reasoning_content"
    THINKING = "enable_thinking"


_REFUSING = frozenset({400, 403, 404, 405, 406, 415, 422, 500, 501})
_ONLY_WORDS = frozenset({403, 404, 405, 500})
"""Of these, the ones that usually mean something else."""
_WITHOUT_STREAM = frozenset({406, 501})
_NEVER = frozenset({"model.filtered", "model.too_long", "model.quota", "model.busy"})

_NOT = r"(?:not|n't|un|in|dis|no|cannot|forbidden|extra|unexpected|不|无法|未)"
_STREAM_ONLY = re.compile(
    r"only supports? stream|non[- ]?stream\w* (?:calls?|mode|requests?)|stream\w* (?:mode )?(?:is )?required"
    r"|must (?:be )?(?:use )?stream|stream\W{1,4}(?:must|should) be (?:set to )?true"
    r"|(?:仅|只)支持流式|stream=true is required",
    re.IGNORECASE,
)
_NO_STREAM = re.compile(
    rf"stream(?!_options)[^.]{{0,60}}{_NOT}[^.]{{0,12}}(?:support|allow|available|enabled|implement|permit|true)"
    rf"|{_NOT}[^.]{{0,12}}(?:support|allow|available|enabled|implement|permit)[^.]{{0,30}}stream(?!_options)"
    r"|unsupported[^.]{0,20}stream(?!_options)|不支持.{0,10}流式|流式.{0,12}不(?:支持|可用)|only supports? non-?stream",
    re.IGNORECASE,
)
_SYSTEM = re.compile(
    rf"system[^.]{{0,40}}{_NOT}[^.]{{0,12}}(?:support|allow|permit|valid|expect|enabled)"
    rf"|{_NOT}[^.]{{0,12}}(?:support|allow|permit|valid|expect|role)[^.]{{0,40}}system|developer instruction"
    r"|roles? must alternate|conversation roles|system 角色|system角色",
    re.IGNORECASE,
)
_TOOLS = re.compile(r"\btools?\b|\btool[-_ ]|function[-_ ]?call|\bfunctions?\b|工具|函数调用", re.IGNORECASE)
_JSON_MODE = re.compile(r"response_format|json_object|json[ _]mode|json_schema", re.IGNORECASE)
_THOUGHTS = re.compile(
    rf"reasoning(?:_content|_details)?\b[^.]{{0,60}}{_NOT}|{_NOT}[^.]{{0,60}}reasoning(?:_content|_details)?",
    re.IGNORECASE,
)
_GIVE_BACK = re.compile(r"passed back|missing|required|must be provided|必须", re.IGNORECASE)


@dataclass(slots=True)
class AdaptationMemory:
    """What the server of one table of `[models]` does without, each until a time."""

    name: str
    clock: Callable[[], float] = time.monotonic
    guesses: bool = True
    """Whether a refusal without a reason is taken to be about tools."""
    _until: dict[Adaptation, float] = field(default_factory=dict)

    def active(self) -> frozenset[Adaptation]:
        """Return what is to be left out now."""
        if not self._until:
            return frozenset()
        now = self.clock()
        for adaptation in [each for each, until in self._until.items() if until <= now]:
            del self._until[adaptation]
            log.info("model_asked_again_in_full", model=self.name, part=adaptation.value)
        return frozenset(self._until)

    def remember(self, adaptation: Adaptation, answer: ProviderAnswer) -> None:
        """Leave a part out from now on, because a request succeeded without it."""
        if adaptation not in self._until:
            log.warning(
                "model_refuses_part",
                model=self.name,
                part=adaptation.value,
                status=answer.status,
                seconds=SECONDS,
            )
        self._until[adaptation] = self.clock() + SECONDS

    def forget(self, adaptation: Adaptation) -> None:
        """Ask with a part again."""
        self._until.pop(adaptation, None)


def proposals(
    error: Exception, body: Mapping[str, Any], active: frozenset[Adaptation], *, guesses: bool = True
) -> Iterator[Adaptation]:
    """Yield what to leave out of a request that was refused, the likeliest first; nothing where that cannot help.

    `WHOLE` among those that are `active` already asks for the reverse: to stream after all.
    """
    answer = provider_answer(error)
    status = answer.status
    if answer.reason in _NEVER or (status is not None and status not in _REFUSING):
        return
    said = answer.text
    for adaptation in _named(said, body):
        if adaptation not in active or adaptation is Adaptation.WHOLE:
            yield adaptation
    if status in _WITHOUT_STREAM and body.get("stream"):
        yield Adaptation.WHOLE
    is_plain = status is not None and status not in _ONLY_WORDS and answer.reason == "model.refused"
    if guesses and is_plain and body.get("tools") and not _has_used_tools(body) and Adaptation.TOOLS not in active:
        yield Adaptation.TOOLS


def _named(said: str, body: Mapping[str, Any]) -> Iterator[Adaptation]:
    streams = bool(body.get("stream"))
    if not streams and _STREAM_ONLY.search(said):
        yield Adaptation.WHOLE
        if "enable_thinking" in said:
            yield Adaptation.THINKING
        return
    if streams and "stream_options" in body and re.search(r"stream[ _]options|include_usage", said, re.IGNORECASE):
        yield Adaptation.USAGE
    if streams and _NO_STREAM.search(said):
        yield Adaptation.WHOLE
    if _has_role(body, "system") and _SYSTEM.search(said):
        yield Adaptation.SYSTEM
    if _has_thoughts(body) and _THOUGHTS.search(said) and not _GIVE_BACK.search(said):
        yield Adaptation.REASONING
    if "response_format" in body and _JSON_MODE.search(said):
        yield Adaptation.JSON_MODE
    if "tool_choice" in body and "tool_choice" in said:
        yield Adaptation.TOOL_CHOICE
    if body.get("tools") and not _has_used_tools(body) and _TOOLS.search(said):
        yield Adaptation.TOOLS


def adapted(body: Mapping[str, Any], active: frozenset[Adaptation]) -> dict[str, Any]:
    """Return a request without what its server refuses."""
    changed = dict(body)
    for adaptation in active:
        match adaptation:
            case Adaptation.WHOLE:
                changed["stream"] = False
                changed.pop("stream_options", None)
            case Adaptation.USAGE:
                changed.pop("stream_options", None)
            case Adaptation.SYSTEM:
                changed["messages"] = without_system(changed["messages"])
            case Adaptation.TOOLS:
                if not _has_used_tools(changed):
                    changed.pop("tools", None)
                    changed.pop("tool_choice", None)
            case Adaptation.TOOL_CHOICE:
                changed.pop("tool_choice", None)
            case Adaptation.JSON_MODE:
                changed.pop("response_format", None)
            case Adaptation.REASONING:
                changed["messages"] = [_without_thoughts(message) for message in changed["messages"]]
            case Adaptation.THINKING:
                changed["enable_thinking"] = False
    return changed


def without_system(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages with what the system role says put before the first words of the user."""
    said = [str(message["content"]) for message in messages if message["role"] in {"system", "developer"}]
    others = [message for message in messages if message["role"] not in {"system", "developer"}]
    if not said:
        return messages
    before = "\n\n".join(said)
    first = next((place for place, message in enumerate(others) if message["role"] == "user"), None)
    if first is None:
        return [{"role": "user", "content": before}, *others]
    content = others[first]["content"]
    together: object = f"{before}\n\n{content}"
    if isinstance(content, list):
        together = [{"type": "text", "text": before}, *content]
    return [*others[:first], {**others[first], "content": together}, *others[first + 1 :]]


def _has_role(body: Mapping[str, Any], role: str) -> bool:
    return any(message.get("role") == role for message in body["messages"])


def _has_used_tools(body: Mapping[str, Any]) -> bool:
    return _has_role(body, "tool")


_BESIDE = ("reasoning_content", "reasoning", "thinking", "reasoning_text", "thought", "reasoning_details")


def _has_thoughts(body: Mapping[str, Any]) -> bool:
    return any(key in message for message in body["messages"] for key in _BESIDE)


def _without_thoughts(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in _BESIDE}
