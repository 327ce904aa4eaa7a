"""Rate limits calls to a model as its provider does: calls beyond the limit queue.

A limit is kept over any sixty seconds, not by the clock's minutes, and by each process for itself.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import structlog
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig

from chains.models.async_runnable import AsyncOnlyRunnable
from chains.models.tokens import estimate
from pipeline import metrics
from pipeline.errors import OWN_LIMIT

log = structlog.get_logger()

SECONDS = 60.0
"""How long a call counts."""

_MESSAGE = 4
_PICTURE = 1000
# What an answer is taken to have before any is known, and how much the latest weighs in what is usual.
_ANSWER = 400.0
_WEIGHT = 0.2


class RateLimitReached(Exception):
    """The queue is so long that whoever stands behind the model had better answer."""


class Timer(Protocol):
    """What wakes a gate up."""

    def cancel(self) -> None:
        """Cancel the timer."""


@dataclass(slots=True, eq=False)
class Slot:
    """A call that was let through: when, and the tokens it counts as, by estimate until they are known."""

    at: float
    tokens: float


@dataclass(slots=True)
class SlidingWindow:
    """The calls of the last sixty seconds; a limit of 0 is none."""

    requests: int
    tokens: int
    passed: deque[Slot] = field(default_factory=deque)

    def wait(self, now: float, tokens: float) -> float:
        """Return the seconds until a call of so many tokens may pass, if no other does before."""
        self._forget(now)
        count, load = len(self.passed), sum(call.tokens for call in self.passed)
        # More than a minute allows passes alone.
        most = min(tokens, self.tokens) if self.tokens else 0.0
        if self._fits(count, load, most):
            return 0.0
        for call in self.passed:
            count, load = count - 1, load - call.tokens
            if self._fits(count, load, most):
                return max(0.0, call.at + SECONDS - now)
        return 0.0

    def take(self, now: float, tokens: float) -> Slot:
        """Count a call."""
        call = Slot(now, tokens)
        self.passed.append(call)
        return call

    def _fits(self, count: int, load: float, tokens: float) -> bool:
        # An empty window has room for anything, whatever is left of adding and taking away.
        return not count or (
            (not self.requests or count < self.requests) and (not self.tokens or load + tokens <= self.tokens)
        )

    def _forget(self, now: float) -> None:
        while self.passed and self.passed[0].at + SECONDS <= now:
            self.passed.popleft()


@dataclass(slots=True, eq=False)
class _Waiter:
    tokens: float
    turn: asyncio.Future[Slot]


def _later(seconds: float, wake: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, wake)


class RateLimiter:
    """A FIFO rate limiter in front of one model."""

    def __init__(
        self,
        name: str,
        window: SlidingWindow,
        *,
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], Timer] = _later,
    ) -> None:
        self.name = name
        self.window = window
        self._clock = clock
        self._later = later
        self._queue: deque[_Waiter] = deque()
        self._timer: Timer | None = None
        self._usual = _ANSWER

    def with_limits(self, requests: int, tokens: int) -> "RateLimiter":
        """Return the gate of other limits, for which what has passed here counts as well."""
        return RateLimiter(
            self.name, SlidingWindow(requests, tokens, self.window.passed), clock=self._clock, later=self._later
        )

    async def acquire(self, tokens: float, *, most: float | None = None) -> Slot:
        """Wait for the turn of a call of so many tokens; it leaves the queue when it is cancelled.

        Raises `RateLimitReached` at once when that would take longer than `most` seconds.
        """
        if most is not None and self._expected(tokens) > most:
            raise RateLimitReached(f"[models.{self.name}]: {len(self._queue)} calls wait already")
        waiter = _Waiter(tokens, asyncio.get_running_loop().create_future())
        self._queue.append(waiter)
        self._release_waiters()
        try:
            return await waiter.turn
        except asyncio.CancelledError as error:
            if waiter in self._queue:
                self._queue.remove(waiter)
                # Whoever ran out of time tells the person that it was not the model that took so long.
                error.add_note(OWN_LIMIT)
            elif waiter.turn.done() and not waiter.turn.cancelled():
                # Its turn came in the same moment; nothing was called.
                self._undo(waiter.turn.result())
            self._release_waiters()
            raise

    def settle(self, passed: Slot, read: int, written: int) -> None:
        """Return what a call really had; nothing known leaves the estimate."""
        if read or written:
            passed.tokens = read + written
            self._usual += _WEIGHT * (written - self._usual)
            self._release_waiters()

    def estimate_tokens(self, asked: LanguageModelInput, call: Mapping[str, Any], limit: object) -> float:
        """Return the tokens a call will have, as far as can be told: its words, and an answer of the usual length."""
        answer = min(self._usual, limit) if isinstance(limit, int) else self._usual
        tools = call.get("tools")
        beside = estimate(json.dumps(tools, ensure_ascii=False, default=str)) if tools else 0
        return _weigh(asked) + beside + answer

    def _expected(self, tokens: float) -> float:
        """Return the seconds a call would wait, all others before it included."""
        if not self._queue and not self.window.wait(self._clock(), tokens):
            return 0.0
        now = began = self._clock()
        tried = SlidingWindow(self.window.requests, self.window.tokens, deque(self.window.passed))
        for each in (*(waiter.tokens for waiter in self._queue), tokens):
            now += tried.wait(now, each)
            tried.take(now, each)
        return now - began

    def _release_waiters(self) -> None:
        """Admit every waiting call that may begin, and arrange for the next to be woken."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue:
            first, now = self._queue[0], self._clock()
            if (seconds := self.window.wait(now, first.tokens)) > 0:
                self._timer = self._later(seconds, self._release_waiters)
                break
            self._queue.popleft()
            if not first.turn.done():
                first.turn.set_result(self.window.take(now, first.tokens))
        metrics.MODEL_WAITING.labels(model=self.name).set(len(self._queue))

    def _undo(self, passed: Slot) -> None:
        if passed in self.window.passed:
            self.window.passed.remove(passed)


class RateLimitedModel(AsyncOnlyRunnable[LanguageModelInput, AIMessage]):
    """A model behind its gate; with `most`, a queue of more seconds than that is somebody else's to answer."""

    def __init__(
        self,
        model: Runnable[LanguageModelInput, AIMessage],
        rate_limiter: RateLimiter,
        *,
        limit: object,
        most: float | None,
    ) -> None:
        """Make it; `limit` is the most tokens an answer may have, where the settings say so."""
        self._model = model
        self._rate_limiter = rate_limiter
        self._limit = limit
        self._most = most

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - the library's own signature
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AIMessage:
        """Wait for its turn, then ask."""
        passed = await self._enter(input, kwargs)
        answer = await self._model.ainvoke(input, config, **kwargs)
        self._settle(passed, [answer])
        return answer

    async def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - as above
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[AIMessage]:
        """Wait for its turn, then ask."""
        passed = await self._enter(input, kwargs)
        counted: list[AIMessage] = []
        async with aclosing(cast("AsyncGenerator[AIMessage]", self._model.astream(input, config, **kwargs))) as pieces:
            async for piece in pieces:
                if piece.usage_metadata:
                    counted.append(piece)
                yield piece
        self._settle(passed, counted)

    async def _enter(self, asked: LanguageModelInput, call: Mapping[str, Any]) -> Slot:
        began = time.monotonic()
        passed = await self._rate_limiter.acquire(
            self._rate_limiter.estimate_tokens(asked, call, self._limit), most=self._most
        )
        if (waited := time.monotonic() - began) > 1:
            log.info("model_waited", model=self._rate_limiter.name, seconds=round(waited, 1))
        return passed

    def _settle(self, passed: Slot, answers: Sequence[AIMessage]) -> None:
        counted = [usage for answer in answers if (usage := answer.usage_metadata)]
        read = max((usage["input_tokens"] for usage in counted), default=0)
        self._rate_limiter.settle(passed, read, max((usage["output_tokens"] for usage in counted), default=0))


def _weigh(asked: LanguageModelInput) -> float:
    if isinstance(asked, str):
        return estimate(asked)
    messages = asked if isinstance(asked, Sequence) else asked.to_messages()
    return sum(_weight(message) for message in messages)


def _weight(message: object) -> float:
    if not isinstance(message, BaseMessage):
        return estimate(str(message))
    content = message.content
    pictures = 0 if isinstance(content, str) else sum("image" in str(block)[:40] for block in content)
    return estimate(message.text) + _MESSAGE + pictures * _PICTURE
