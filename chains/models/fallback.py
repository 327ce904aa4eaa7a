"""Model fallback: candidates tried in order, those that keep failing skipped for a while."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

import structlog
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig

from chains.models.async_runnable import AsyncOnlyRunnable
from chains.models.errors import to_answer_failed
from chains.models.rate_limit import RateLimitReached
from chains.models.response import TABLE

log = structlog.get_logger()

ChatModel = Runnable[LanguageModelInput, AIMessage]
"""A model, or one with its fallbacks behind it."""

FAILURES = 3
"""Failures in a row after which a model rests."""

REST_SECONDS = 60.0

# What the person asked is no fault of the model, and the next one is not spared for it.
_ITS_OWN = frozenset(
    f"model.{reason}"
    for reason in ("timeout", "unreachable", "key", "quota", "busy", "missing", "broken", "garbled", "failed")
)


@dataclass
class CircuitBreaker:
    """Circuit breaker: which models are skipped after repeated failures; shared by all fallback chains."""

    clock: Callable[[], float] = time.monotonic
    _failures: dict[str, int] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def restricted_to(self, names: Collection[str]) -> "CircuitBreaker":
        """Return the state of some of the models, to go on from on its own."""
        return CircuitBreaker(
            self.clock,
            {name: failures for name, failures in self._failures.items() if name in names},
            {name: until for name, until in self._until.items() if name in names},
        )

    def is_open(self, name: str) -> bool:
        """Whether a model is to be left alone now."""
        return self._until.get(name, 0.0) > self.clock()

    def succeeded(self, name: str) -> None:
        """Note that a model answered."""
        self._failures.pop(name, None)
        self._until.pop(name, None)

    def failed(self, name: str, error: Exception) -> None:
        """Note a failure. After a rest the first one is enough for the next rest."""
        reason = to_answer_failed(error, model=name).reason
        if reason not in _ITS_OWN:
            return
        self._failures[name] = self._failures.get(name, 0) + 1
        if self._failures[name] >= FAILURES and not self.is_open(name):
            self._until[name] = self.clock() + REST_SECONDS
            log.warning("model_rests", model=name, reason=reason, seconds=REST_SECONDS)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model of a fallback chain."""

    name: str
    model: ChatModel
    options_for: Callable[[dict[str, Any]], dict[str, Any]]
    """Puts what a call says beside the messages into this model's own words."""


class FallbackModel(AsyncOnlyRunnable[LanguageModelInput, AIMessage]):
    """A model with its fallbacks, as one runnable; when all fail, raises the first one's error."""

    def __init__(self, candidates: Sequence[Candidate], circuit_breaker: CircuitBreaker) -> None:
        self._candidates = tuple(candidates)
        self._circuit_breaker = circuit_breaker

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - the library's own signature
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AIMessage:
        """Ask one after the other until one answers."""
        errors: list[Exception] = []
        for one in self._order():
            try:
                answer = await one.model.ainvoke(input, config, **one.options_for(kwargs))
            except Exception as error:  # noqa: BLE001 - providers and their libraries raise anything
                self._note(one.name, error, errors)
            else:
                self._circuit_breaker.succeeded(one.name)
                answer.response_metadata[TABLE] = one.name
                return answer
        raise errors[0]

    async def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - as above
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[AIMessage]:
        """Ask one after the other until one begins to answer; what breaks off later is not begun anew."""
        errors: list[Exception] = []
        for one in self._order():
            begun = False
            try:
                answer = cast("AsyncGenerator[AIMessage]", one.model.astream(input, config, **one.options_for(kwargs)))
                async with aclosing(answer) as pieces:
                    async for piece in pieces:
                        if not begun:
                            begun = True
                            piece.response_metadata[TABLE] = one.name
                        yield piece
            except Exception as error:
                self._note(one.name, error, errors)
                if begun:
                    raise
            else:
                self._circuit_breaker.succeeded(one.name)
                return
        raise errors[0]

    def _order(self) -> list[Candidate]:
        """Return who is asked: those that rest come last, so that somebody always is."""
        return sorted(self._candidates, key=lambda one: self._circuit_breaker.is_open(one.name))

    def _note(self, name: str, error: Exception, errors: list[Exception]) -> None:
        # A queue before it says nothing against a model.
        if not isinstance(error, RateLimitReached):
            self._circuit_breaker.failed(name, error)
        # The first of the line speaks for all, wherever it was asked.
        place = 0 if name == self._candidates[0].name else len(errors)
        errors.insert(place, error)
