"""What a server refuses of the protocol, found out once and then left out of every request for a while.

Servers refuse parts of the protocol in words of their own: one model answers in streams only, the next in whole
answers only; Gemma's template knows no system role, an old vLLM no tools. Which part it is shows in the status, the
field that an error names, and only then in its words; a refusal without a reason may be about the tools. What a
request succeeds without is remembered by its model, logged, and tried again after `SECONDS`.
"""

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
    STREAMED = "whole_answers"
    USAGE = "stream_options"
    SYSTEM = "system_role"
    PICTURES = "pictures"
    TOOLS = "tools"
    TOOL_CHOICE = "tool_choice"
    JSON_MODE = "response_format"
    REASONING = "reasoning_content"
    THINKING = "enable_thinking"
    BOUNDS = "bounds"
    TEMPERATURE = "temperature"
    TOP_P = "top_p"
    TOP_K = "top_k"
    PRESENCE_PENALTY = "presence_penalty"
    FREQUENCY_PENALTY = "frequency_penalty"
    SEED = "seed"
    EFFORT = "reasoning_effort"
    MAX_TOKENS = "max_tokens"


OPTIONS = (
    Adaptation.TOP_P,
    Adaptation.TEMPERATURE,
    Adaptation.TOP_K,
    Adaptation.PRESENCE_PENALTY,
    Adaptation.FREQUENCY_PENALTY,
    Adaptation.SEED,
    Adaptation.EFFORT,
    Adaptation.MAX_TOKENS,
)
"""Options that models do without, by their names; of two that exclude each other the first here is left out."""

BOUNDED = ("temperature", "top_p")
"""Options whose range some servers take without its ends."""

_ENDS = {0.0: 0.01, 1.0: 0.99}

MAX_COMPLETION_TOKENS = "max_completion_tokens"
"""What OpenAI's later models call `max_tokens`."""

UNSEEN = "[a picture that you cannot see]"
"""What a model reads in the place of a picture that its server refuses."""

_MOST_CHANGES = 6
"""How often one call may be put in another way."""

BESIDE = ("reasoning_content", "reasoning", "thinking", "reasoning_text", "thought", "reasoning_details")
"""Under which names a message has what the model thought."""


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


class AdaptedCall:
    """One call of a model, put in another way whenever its server refuses a part of it."""

    def __init__(self, memory: AdaptationMemory) -> None:
        """Begin with what is known to be refused."""
        self.active = memory.active()
        self._memory = memory
        self._tried: dict[Adaptation, Exception] = {}
        self._first: Exception | None = None

    def change(self, error: Exception, proposed: Iterator[Adaptation]) -> bool:
        """Take the first change that is proposed for an error and was not tried; False where there is none."""
        change = next((each for each in proposed if each not in self._tried), None)
        if change is None or len(self._tried) == _MOST_CHANGES:
            return False
        self._first = self._first or error
        self._tried[change] = error
        self.active = self.active ^ {change}
        return True

    def failure(self, error: Exception) -> Exception:
        """Return what to raise for the last refusal: the first one tells more than the same after a guess."""
        return self._first if self._first is not None and _is_guess(error, self._first) else error

    def succeeded(self) -> None:
        """Remember what the call succeeded without."""
        for adaptation, error in self._tried.items():
            if adaptation in self.active:
                self._memory.remember(adaptation, provider_answer(error))
            else:
                self._memory.forget(adaptation)


def _is_guess(error: Exception, first: Exception) -> bool:
    last, before = provider_answer(error), provider_answer(first)
    return last.reason == before.reason and before.reason == "model.refused"


def adapted(body: Mapping[str, Any], active: frozenset[Adaptation]) -> dict[str, Any]:  # noqa: C901, PLR0912 - its parts
    """Return a request without what its server refuses."""
    changed = dict(body)
    for adaptation in active:
        match adaptation:
            case Adaptation.WHOLE:
                changed["stream"] = False
                changed.pop("stream_options", None)
            case Adaptation.STREAMED:
                changed["stream"] = True
            case Adaptation.USAGE:
                changed.pop("stream_options", None)
            case Adaptation.SYSTEM:
                changed["messages"] = without_system(changed["messages"])
            case Adaptation.TOOLS:
                if not has_used_tools(changed):
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
            case Adaptation.BOUNDS:
                changed |= {key: _ENDS[changed[key]] for key in BOUNDED if is_at_an_end(changed.get(key))}
            case Adaptation.PICTURES:
                changed["messages"] = [_without_pictures(message) for message in changed["messages"]]
            case Adaptation.MAX_TOKENS:
                if "max_tokens" in changed:
                    changed[MAX_COMPLETION_TOKENS] = changed.pop("max_tokens")
            case (
                Adaptation.TEMPERATURE
                | Adaptation.TOP_P
                | Adaptation.TOP_K
                | Adaptation.PRESENCE_PENALTY
                | Adaptation.FREQUENCY_PENALTY
                | Adaptation.SEED
                | Adaptation.EFFORT
            ):
                changed.pop(adaptation.value, None)
    return changed


def is_at_an_end(value: object) -> bool:
    """Whether an option is 0 or 1, which some servers do not take."""
    return isinstance(value, int | float) and value in _ENDS


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


def has_used_tools(body: Mapping[str, Any]) -> bool:
    """Whether the messages speak of tools: those may not be left out then."""
    return any(message.get("role") == "tool" for message in body["messages"])


def _without_thoughts(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in BESIDE}


def _without_pictures(message: dict[str, Any]) -> dict[str, Any]:
    parts = message.get("content")
    if not isinstance(parts, list) or all(part.get("type") != "image_url" for part in parts):
        return message
    words = [UNSEEN if part.get("type") == "image_url" else str(part.get("text", "")) for part in parts]
    return {**message, "content": "\n".join(word for word in words if word)}
