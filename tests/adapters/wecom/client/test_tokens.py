import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.wecom.client.cache import Cache
from adapters.wecom.client.tokens import AccessTokens
from pipeline.errors import TryAgain, Undeliverable
from tests.hand_clock import HandClock


class Issuer:
    """Gives numbered tokens, when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.lifetime = 7200
        self.error: Exception | None = None
        self.called = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> tuple[str, int]:
        self.asked += 1
        self.called.set()
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return f"token-{self.asked}", self.lifetime


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def cache(tmp_path: Path, clock: HandClock) -> AsyncIterator[Cache]:
    cache = Cache(tmp_path / "cache", clock=clock)
    yield cache
    await cache.aclose()


@pytest.fixture
async def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def tokens(cache: Cache, issuer: Issuer, clock: HandClock) -> AccessTokens:
    return AccessTokens(cache, "key", issuer, clock=clock)


async def test_a_token_is_fetched_once_however_many_ask(tokens: AccessTokens, issuer: Issuer) -> None:
    issuer.open.clear()
    asking = [asyncio.ensure_future(tokens.current()) for _ in range(50)]
    await asyncio.wait_for(issuer.called.wait(), 60)
    issuer.open.set()

    assert {"token-1"} == {token.value for token in await asyncio.gather(*asking)}
    assert issuer.asked == 1


async def test_a_caller_that_goes_away_leaves_the_fetching_to_the_next(tokens: AccessTokens, issuer: Issuer) -> None:
    issuer.open.clear()
    first, second = asyncio.ensure_future(tokens.current()), asyncio.ensure_future(tokens.current())
    await asyncio.wait_for(issuer.called.wait(), 60)
    first.cancel()
    issuer.open.set()

    assert (await second).value == "token-2"


@pytest.mark.parametrize(
    ("lifetime", "usable"),
    [
        pytest.param(7200, 6900, id="five minutes early"),
        pytest.param(0, 6900, id="no lifetime is the usual one"),
        pytest.param(-5, 6900, id="nor is a negative one"),
        pytest.param(120, 60, id="a short life is used by half"),
    ],
)
async def test_a_token_is_replaced_before_it_ends(
    tokens: AccessTokens, issuer: Issuer, clock: HandClock, lifetime: int, usable: int
) -> None:
    issuer.lifetime = lifetime
    await tokens.current()
    clock.now += usable - 1
    before = await tokens.current()
    clock.now += 1
    after = await tokens.current()

    assert ("token-1", "token-2") == (before.value, after.value)


async def test_a_token_outlives_the_process(
    cache: Cache, tokens: AccessTokens, issuer: Issuer, clock: HandClock
) -> None:
    await tokens.current()
    later = AccessTokens(cache, "key", issuer, clock=clock)

    assert (await later.current()).value == "token-1"
    assert issuer.asked == 1


async def test_an_old_token_on_disk_is_not_used(
    cache: Cache, tokens: AccessTokens, issuer: Issuer, clock: HandClock
) -> None:
    await tokens.current()
    clock.now += 7000
    later = AccessTokens(cache, "key", issuer, clock=clock)

    assert (await later.current()).value == "token-2"


async def test_tokens_of_other_apps_are_kept_apart(
    cache: Cache, tokens: AccessTokens, issuer: Issuer, clock: HandClock
) -> None:
    await tokens.current()
    other = AccessTokens(cache, "another key", issuer, clock=clock)

    assert (await other.current()).value == "token-2"


async def test_many_refusals_of_one_token_fetch_one_new_one(tokens: AccessTokens, issuer: Issuer) -> None:
    refused = await tokens.current()
    renewed = await asyncio.gather(*(tokens.renewed(refused) for _ in range(20)))

    assert {"token-2"} == {token.value for token in renewed}
    assert issuer.asked == 2


async def test_a_refusal_of_a_recalled_token_reaches_wecom(
    cache: Cache, tokens: AccessTokens, issuer: Issuer, clock: HandClock
) -> None:
    await tokens.current()
    later = AccessTokens(cache, "key", issuer, clock=clock)
    renewed = await later.renewed(await later.current())

    assert renewed.value == "token-2"


async def test_a_wrong_secret_is_not_tried_again_for_a_minute(
    tokens: AccessTokens, issuer: Issuer, clock: HandClock
) -> None:
    issuer.error = Undeliverable("secret is wrong", alert=True)
    raised = await asyncio.gather(*(tokens.current() for _ in range(20)), return_exceptions=True)
    asked_at_first = issuer.asked
    clock.now += 60
    issuer.error = None

    assert (await tokens.current()).value == "token-2"
    assert asked_at_first == 1
    assert all(isinstance(error, Undeliverable) and error.alert for error in raised)


async def test_a_passing_failure_is_shared_by_those_who_waited(
    tokens: AccessTokens, issuer: Issuer, clock: HandClock
) -> None:
    issuer.error = TryAgain("WeCom is busy", after=2)
    raised = await asyncio.gather(*(tokens.current() for _ in range(20)), return_exceptions=True)
    asked_at_first = issuer.asked
    clock.now += 2
    issuer.error = None

    assert (await tokens.current()).value == "token-2"
    assert asked_at_first == 1
    assert all(isinstance(error, TryAgain) and error.after == 2 for error in raised)


async def test_a_token_is_not_printed(tokens: AccessTokens) -> None:
    assert "token-1" not in repr(await tokens.current())
