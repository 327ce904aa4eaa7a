import asyncio

import pytest

from adapters.wecom.client.send_limiter import MemberSendLimiter
from pipeline.errors import TryAgain
from pipeline.events import Person
from tests.fakes.ports import FakeSendLog

ANNA = Person("wecom", "anna")
BERND = Person("wecom", "bernd")


class Clock:
    """A clock that stands still unless somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sends(clock: Clock) -> FakeSendLog:
    return FakeSendLog(clock)


def open_limiter(
    sends: FakeSendLog, clock: Clock, *, shared: bool = False, per_minute: int = 3, per_hour: int = 5
) -> MemberSendLimiter:
    return MemberSendLimiter(
        sends,
        shared=shared,
        per_minute=per_minute,
        per_hour=per_hour,
        minute=60,
        hour=3600,
        clock=clock,
        sleep=clock.sleep,
    )


async def refused_for(limiter: MemberSendLimiter, person: Person = ANNA) -> float:
    with pytest.raises(TryAgain) as caught:
        await limiter.acquire(person)
    assert caught.value.blameless
    return caught.value.after


async def test_messages_pass_until_the_minute_is_full(sends: FakeSendLog, clock: Clock) -> None:
    limiter = open_limiter(sends, clock)

    for _ in range(3):
        await limiter.acquire(ANNA)

    assert 60 == await refused_for(limiter)


async def test_one_person_does_not_use_up_anothers_minute(sends: FakeSendLog, clock: Clock) -> None:
    limiter = open_limiter(sends, clock)

    for _ in range(3):
        await limiter.acquire(ANNA)
        await limiter.acquire(BERND)

    assert 60 == await refused_for(limiter, BERND)


async def test_a_refused_message_does_not_count(sends: FakeSendLog, clock: Clock) -> None:
    limiter = open_limiter(sends, clock)
    for _ in range(3):
        await limiter.acquire(ANNA)
    await refused_for(limiter)
    clock.now += 60

    for _ in range(2):
        await limiter.acquire(ANNA)

    assert 3600 - 60 == await refused_for(limiter)


async def test_a_short_wait_is_waited(sends: FakeSendLog, clock: Clock) -> None:
    limiter = open_limiter(sends, clock)
    for _ in range(3):
        await limiter.acquire(ANNA)
    clock.now += 58.5

    await limiter.acquire(ANNA)

    assert 1060 == clock.now


async def test_the_windows_slide(sends: FakeSendLog, clock: Clock) -> None:
    limiter = open_limiter(sends, clock, per_hour=1000)
    for _ in range(3):
        await limiter.acquire(ANNA)
        clock.now += 20
    await limiter.acquire(ANNA)

    assert 20 == await refused_for(limiter)


async def test_the_hour_is_kept_as_well(sends: FakeSendLog, clock: Clock) -> None:
    limiter = open_limiter(sends, clock)
    for _ in range(5):
        await limiter.acquire(ANNA)
        clock.now += 60

    assert 3600 - 5 * 60 == await refused_for(limiter)


async def test_many_at_once_are_counted_one_by_one(sends: FakeSendLog, clock: Clock) -> None:
    limiter = open_limiter(sends, clock)

    outcomes = await asyncio.gather(*(limiter.acquire(ANNA) for _ in range(10)), return_exceptions=True)

    assert 3 == outcomes.count(None)
    assert 1 == sends.asked


async def test_what_was_sent_before_a_restart_counts(sends: FakeSendLog, clock: Clock) -> None:
    sends.moments[ANNA] = [990, 995]
    limiter = open_limiter(sends, clock)

    await limiter.acquire(ANNA)

    assert 50 == await refused_for(limiter)


async def test_a_process_of_its_own_asks_the_log_once_for_a_person(sends: FakeSendLog, clock: Clock) -> None:
    limiter = open_limiter(sends, clock)

    await limiter.acquire(ANNA)
    sends.moments[ANNA] = [1000]
    await limiter.acquire(ANNA)

    assert 1 == sends.asked


async def test_what_another_process_sends_counts_when_the_log_is_shared(sends: FakeSendLog, clock: Clock) -> None:
    limiter = open_limiter(sends, clock, shared=True)
    await limiter.acquire(ANNA)
    clock.now += 1
    sends.moments[ANNA] = [1000.5, 1000.6, 1001]

    # The first of the three is our own.
    assert 59 == await refused_for(limiter)


async def test_our_own_messages_in_a_shared_log_count_once(sends: FakeSendLog, clock: Clock) -> None:
    limiter = open_limiter(sends, clock, shared=True)
    for _ in range(3):
        await limiter.acquire(ANNA)
        clock.now += 1
        sends.moments.setdefault(ANNA, []).append(clock.now)

    assert 57 == await refused_for(limiter)


async def test_a_cancelled_wait_gives_its_place_back(sends: FakeSendLog, clock: Clock) -> None:
    asleep = asyncio.Event()

    async def sleep_for_ever(seconds: float) -> None:
        assert 1 == seconds
        asleep.set()
        await asyncio.Event().wait()

    limiter = MemberSendLimiter(sends, shared=False, per_minute=1, minute=60, clock=clock, sleep=sleep_for_ever)
    await limiter.acquire(ANNA)
    clock.now += 59
    waiting = asyncio.create_task(limiter.acquire(ANNA))
    await asyncio.wait_for(asleep.wait(), 60)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    clock.now += 1

    await limiter.acquire(ANNA)

    assert 60 == await refused_for(limiter)


async def test_whoever_was_quiet_for_an_hour_is_forgotten(sends: FakeSendLog, clock: Clock) -> None:
    limiter = open_limiter(sends, clock)
    for number in range(100):
        await limiter.acquire(Person("wecom", f"user{number}"))
    clock.now += 3601

    await limiter.acquire(ANNA)

    assert 1 == limiter.people


async def test_no_window_is_ever_exceeded(sends: FakeSendLog, clock: Clock) -> None:
    limiter = open_limiter(sends, clock, per_minute=4, per_hour=30)
    moments: list[float] = []
    for step in range(3000):
        try:
            await limiter.acquire(ANNA)
        except TryAgain as refusal:
            clock.now += refusal.after * (1 if step % 3 else 0.4)
        else:
            moments.append(clock.now)
            clock.now += step % 7

    assert all(later - earlier >= 60 for earlier, later in zip(moments, moments[4:], strict=False))
    assert all(later - earlier >= 3600 for earlier, later in zip(moments, moments[30:], strict=False))


async def test_wecoms_own_numbers_are_the_default(sends: FakeSendLog, clock: Clock) -> None:
    limiter = MemberSendLimiter(sends, shared=False, clock=clock, sleep=clock.sleep)

    for _ in range(30):
        await limiter.acquire(ANNA)

    assert 60 < await refused_for(limiter) < 65
