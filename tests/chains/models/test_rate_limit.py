"""A model's limits by the minute: kept over any sixty seconds, fair, and forgetful of those who leave."""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.models.rate_limit import SECONDS, RateLimiter, RateLimitReached, SlidingWindow, Slot
from chains.models.registry import ModelRegistry
from pipeline import metrics
from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from tests.chains.harness import open_chains_harness, remembered
from tests.fakes.openai_server import OpenAIServer, Says


@dataclass(order=True)
class Alarm:
    at: float
    number: int
    wake: Callable[[], None] = field(compare=False)
    off: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.off = True


@dataclass
class Time:
    """A clock that a test turns, with the alarms set on it."""

    now: float = 0.0
    alarms: list[Alarm] = field(default_factory=list)

    def later(self, seconds: float, wake: Callable[[], None]) -> Alarm:
        alarm = Alarm(self.now + seconds, len(self.alarms), wake)
        heapq.heappush(self.alarms, alarm)
        return alarm

    def turn(self, seconds: float) -> None:
        """Let time pass, waking whoever asked for it."""
        end = self.now + seconds
        while self.alarms and self.alarms[0].at <= end:
            alarm = heapq.heappop(self.alarms)
            self.now = max(self.now, alarm.at)
            if not alarm.off:
                alarm.wake()
        self.now = end


def gate(time: Time, requests: int = 0, tokens: int = 0) -> RateLimiter:
    return RateLimiter("default", SlidingWindow(requests, tokens), clock=lambda: time.now, later=time.later)


async def settled() -> None:
    """Let everybody run who can."""
    for _ in range(3):
        await asyncio.sleep(0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.integers(1, 1500)),
        st.tuples(st.just("pass"), st.floats(0.0, 90.0)),
        st.tuples(st.just("leave"), st.integers(0, 30)),
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(steps=STEPS, requests=st.integers(0, 5), tokens=st.integers(0, 2000))
def test_no_sixty_seconds_see_more_than_the_limits_and_nobody_is_forgotten(
    steps: list[tuple[str, float]], requests: int, tokens: int
) -> None:
    async def run() -> None:
        time = Time()
        limiter = gate(time, requests, tokens)
        came: list[asyncio.Task[Slot]] = []
        left: set[int] = set()
        for what, amount in steps:
            if what == "come":
                came.append(asyncio.create_task(limiter.acquire(amount)))
            elif what == "pass":
                time.turn(amount)
            elif int(amount) < len(came) and not came[int(amount)].done():
                came[int(amount)].cancel()
                left.add(int(amount))
            await settled()
        # However long the queue, one passes in every minute.
        for _ in range(len(came)):
            time.turn(SECONDS)
            await settled()

        passed = [task.result() for number, task in enumerate(came) if number not in left]
        assert sorted(call.at for call in passed) == [call.at for call in passed]
        for call in passed:
            minute = [other for other in passed if call.at <= other.at < call.at + SECONDS]
            assert not requests or len(minute) <= requests
            assert not tokens or len(minute) == 1 or sum(other.tokens for other in minute) <= tokens
        assert not metrics.REGISTRY.get_sample_value("webot_model_waiting", {"model": "default"})

    asyncio.run(run())


async def test_whoever_leaves_gives_the_place_to_the_next() -> None:
    time = Time()
    limiter = gate(time, requests=1)
    await limiter.acquire(1)
    impatient, patient = (asyncio.create_task(limiter.acquire(1)) for _ in range(2))
    await settled()
    assert 2 == metrics.REGISTRY.get_sample_value("webot_model_waiting", {"model": "default"})

    impatient.cancel()
    time.turn(SECONDS)
    await settled()

    assert impatient.cancelled()
    assert SECONDS == patient.result().at


async def test_who_leaves_in_the_moment_of_the_turn_has_not_been() -> None:
    time = Time()
    limiter = gate(time, requests=1)
    await limiter.acquire(1)
    unlucky, next_one = (asyncio.create_task(limiter.acquire(1)) for _ in range(2))
    await settled()

    time.turn(SECONDS)
    unlucky.cancel()
    await settled()

    assert unlucky.cancelled()
    assert SECONDS == next_one.result().at


async def test_what_a_call_really_had_counts() -> None:
    time = Time()
    limiter = gate(time, tokens=1000)
    first = await limiter.acquire(900)
    second = asyncio.create_task(limiter.acquire(500))
    await settled()
    assert not second.done()

    limiter.settle(first, 100, 50)
    await settled()

    assert 0.0 == second.result().at


async def test_a_queue_that_is_too_long_is_refused_at_once_where_somebody_stands_behind() -> None:
    time = Time()
    limiter = gate(time, requests=1)
    await limiter.acquire(1)
    waiting = asyncio.create_task(limiter.acquire(1))
    await settled()

    with pytest.raises(RateLimitReached):
        await limiter.acquire(1, most=SECONDS)
    last = asyncio.create_task(limiter.acquire(1, most=2 * SECONDS))
    time.turn(2 * SECONDS)
    await settled()

    assert [SECONDS, 2 * SECONDS] == [waiting.result().at, last.result().at]


async def test_other_limits_know_what_has_passed_before() -> None:
    time = Time()
    before = gate(time, requests=2)
    await before.acquire(1)

    after = before.with_limits(1, 0)
    waiting = asyncio.create_task(after.acquire(1))
    await settled()
    assert not waiting.done()
    time.turn(SECONDS)
    await settled()

    assert SECONDS == waiting.result().at


async def test_a_full_model_hands_over_to_its_fallback_and_is_not_thought_ill_of(server: OpenAIServer) -> None:
    spare = {"spare": {"model": "spare", "base_url": server.base_url}}

    async with open_chains_harness(
        server.base_url, requests_per_minute=1, timeout=20.0, fallbacks=("spare",), models=spare
    ) as it:
        said = [
            remembered(await it.outcome("hello", streams=streams)).provenance.model for streams in (False, True) * 3
        ]

    assert ["test-model", *["spare"] * 5] == said


async def test_the_providers_own_count_takes_the_place_of_the_estimate(server: OpenAIServer) -> None:
    server.script(Says("short", usage=(700, 290)), Says("streamed", usage=(5, 5)))
    words = await asyncio.to_thread(Catalogue, "en")
    table: dict[str, Any] = {"model": "m", "base_url": server.base_url, "tokens_per_minute": 1000}
    models = ModelRegistry(Settings.model_validate({"models": {"default": table}}), words)
    model, limiter = await models.chat("default"), models.rate_limiter("default")
    assert limiter is not None

    await model.ainvoke("hello")
    counted = [call.tokens for call in limiter.window.passed]
    waiting = asyncio.create_task(model.ainvoke("one more"))
    await server.until(lambda: len(server.asked) == 1)
    await settled()
    waiting.cancel()
    await models.aclose()

    assert [990] == counted
    assert not waiting.done() or waiting.cancelled()
    assert 1 == len(server.asked)


def test_only_models_that_answer_are_limited() -> None:
    tables = {"image": {"requests_per_minute": 3}}
    with pytest.raises(SettingsInvalid, match="only models that answer have limits"):
        ModelRegistry(Settings.model_validate({"models": tables}), Catalogue("en"))


async def test_without_limits_nothing_stands_before_a_model(server: OpenAIServer) -> None:
    words = await asyncio.to_thread(Catalogue, "en")
    table = {"model": "m", "base_url": server.base_url}
    models = ModelRegistry(Settings.model_validate({"models": {"default": table}}), words)
    model = await models.chat("default")
    await models.aclose()

    assert "FastChatOpenAI" == type(model).__name__
    assert models.rate_limiter("default") is None
