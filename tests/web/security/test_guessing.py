"""How guesses at passwords are slowed, by account and by address, and who is not kept waiting by them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path

import httpx2
import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException

from pipeline.settings import Settings
from storage.accounts.users import add_user
from storage.database.engine import open_database
from tests.databases import place_migrated_file
from tests.hand_clock import HandClock
from tests.service import running_service
from web.operator.accounts import add_account
from web.security.access import Access
from web.security.account_lookup import COOKIE, Accounts
from web.security.known_browsers import BROWSER_COOKIE
from web.security.role_names import Role
from web.security.sign_in import SignIn
from web.security.throttle import GuessCounts, GuessThrottle

PASSWORD = "芝麻开门，芝麻开门吧！芝麻"
HASHED = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""In a hundredth of the time that webot's own hashes take."""
HOUR = 3600.0
MOST_AN_HOUR = 70
"""Ten quick ones until a pause is a minute, then one a minute."""
WRONG = "wrong"
PAGE = {"Accept": "text/html", "Accept-Language": "en"}


@hypothesis_settings(max_examples=15)
@given(st.integers(min_value=1, max_value=8))
def test_however_patient_a_guesser_is_passwords_are_seldom_looked_at(hours: int) -> None:
    clock = HandClock()
    throttle = GuessThrottle(clock)
    end = clock.now + hours * 3600
    looked_at = 0
    while clock.now < end:
        clock.now += throttle.pause("203.0.113.7")
        throttle.failed("203.0.113.7")
        looked_at += 1

    # Ten quick ones until a pause is a minute, then one a minute.
    assert looked_at <= hours * 60 + 10


@hypothesis_settings(max_examples=15)
@given(st.integers(min_value=1, max_value=1500))
def test_many_addresses_together_are_slowed_down_and_never_shut_the_owner_out_for_long(guessers: int) -> None:
    clock = HandClock()
    throttle = GuessThrottle(clock)
    began = clock.now
    for n in range(guessers):
        address = f"2001:db8:{n:x}::1"
        clock.now += throttle.pause(address)
        throttle.failed(address)

    assert clock.now - began >= (guessers - 21) * 1.0
    assert throttle.pause("192.0.2.1") <= 2.0


def test_guesses_from_elsewhere_do_not_keep_an_address_waiting_that_had_it_right() -> None:
    throttle = GuessThrottle(lambda: 0.0)
    throttle.succeeded("192.0.2.1")
    for number in range(1000):
        throttle.failed(f"10.0.{number // 250}.{number % 250}")

    assert throttle.pause("192.0.2.2") > 0
    assert 0 == throttle.pause("192.0.2.1")
    for _ in range(3):
        throttle.failed("192.0.2.1")
    assert throttle.pause("192.0.2.1") > 0


def test_a_network_of_addresses_is_one_guesser_and_a_success_begins_anew() -> None:
    clock = HandClock()
    throttle = GuessThrottle(clock)
    for n in range(3):
        throttle.failed(f"2001:db8::{n}")

    assert throttle.pause("2001:db8::ffff") > 0
    assert 0 == throttle.pause("2001:db8:1::1") == throttle.pause("203.0.113.7")
    throttle.succeeded("2001:db8::1")
    assert 0 == throttle.pause("2001:db8::2")


@dataclass
class Attempts:
    """Attempts to sign in at a moment that a clock shows."""

    sign_in: SignIn
    clock: HandClock

    async def status(self, name: str, password: str = WRONG, *, address: str = "192.0.2.1", browser: str = "") -> int:
        """Try once; return 303 for a session, else the status of the refusal."""
        try:
            await self.begin(name, password, address=address, browser=browser)
        except HTTPException as refused:
            return refused.status_code
        return 303

    async def begin(self, name: str, password: str, *, address: str = "192.0.2.1", browser: str = "") -> str:
        """Sign in and return the cookie by which the browser is known from then on."""
        cookie = [(b"cookie", f"{BROWSER_COOKIE}={browser}".encode())] if browser else []
        scope = {"type": "http", "client": (address, 1), "headers": cookie}
        return (await self.sign_in.begin(ASGIConnection(scope), name, password)).browser  # type: ignore[arg-type]

    async def looked_at(self, hours: float, guesses: AsyncIterator[int]) -> int:
        """Go on guessing for some hours; return how many passwords were looked at."""
        end, checked = self.clock.now + hours * HOUR, 0
        async for status in guesses:
            checked += status == 401
            # Whoever is refused comes again soon.
            self.clock.now += 5 if status == 429 else 0
            if self.clock.now >= end or checked > MOST_AN_HOUR:
                break
        return checked


@asynccontextmanager
async def attempts(folder: Path, *users: str) -> AsyncIterator[Attempts]:
    """Let users of one password sign in, by a clock that the test sets on."""
    await asyncio.to_thread(place_migrated_file, folder / "webot.db")
    database = await asyncio.to_thread(open_database, f"sqlite+aiosqlite:///{folder}/webot.db")
    clock = HandClock()
    try:
        for user in users:
            assert await add_user(database, user, Role.OPERATOR, HASHED)
        accounts = Accounts(database, real=True)
        sign_in = SignIn(Settings, Access("a token"), accounts, GuessThrottle(clock), clock)
        yield Attempts(sign_in, clock)
    finally:
        await database.close()


async def test_an_account_is_guessed_at_no_faster_from_many_addresses(tmp_path: Path) -> None:
    async with attempts(tmp_path, "boss") as tries:
        addresses = (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(1 << 24))
        guesses = (await tries.status("boss", address=address) for address in addresses)

        assert await tries.looked_at(1, guesses) <= MOST_AN_HOUR


async def test_an_address_guesses_no_faster_at_many_accounts(tmp_path: Path) -> None:
    users = [f"user{n}" for n in range(100)]
    async with attempts(tmp_path, *users) as tries:
        guesses = (await tries.status(user) for user in cycle(users))

        assert await tries.looked_at(1, guesses) <= MOST_AN_HOUR


async def test_having_an_account_does_not_make_guessing_at_others_faster(tmp_path: Path) -> None:
    async with attempts(tmp_path, "boss", "insider") as tries:
        known = await tries.begin("insider", PASSWORD)

        async def guess() -> AsyncIterator[int]:
            while True:
                yield await tries.status("boss", browser=known)
                assert await tries.status("insider", PASSWORD, browser=known) == 303

        assert await tries.looked_at(1, guess()) <= MOST_AN_HOUR


@pytest.mark.parametrize("address", ["192.0.2.1", "203.0.113.7"])
async def test_a_browser_that_has_signed_in_is_not_kept_out_by_guesses(tmp_path: Path, address: str) -> None:
    async with attempts(tmp_path, "boss", "li") as tries:
        known = await tries.begin("boss", PASSWORD)
        for user, host in product(("boss", "li", "nobody"), range(4)):
            await tries.status(user)
            await tries.status(user, address=f"198.51.100.{host}")

        assert 429 == await tries.status("boss", PASSWORD)
        assert 429 == await tries.status("li", PASSWORD, browser=known)
        assert 429 == await tries.status("boss", PASSWORD, browser=known[:-1] + ("0" if known[-1] != "0" else "1"))
        assert 303 == await tries.status("boss", PASSWORD, address=address, browser=known)


async def test_guesses_in_a_known_browser_have_pauses_of_their_own(tmp_path: Path) -> None:
    async with attempts(tmp_path, "boss") as tries:
        known = await tries.begin("boss", PASSWORD)
        guesses = (await tries.status("boss", browser=known) for _ in cycle([0]))

        assert await tries.looked_at(1, guesses) <= MOST_AN_HOUR
        assert 303 == await tries.status("boss", PASSWORD)


async def test_a_user_who_mistyped_begins_anew_once_it_was_right(tmp_path: Path) -> None:
    async with attempts(tmp_path, "boss") as tries:
        statuses = [await tries.status("boss", word) for word in ("x", "y", PASSWORD, "x", "y", PASSWORD)]

    assert [401, 401, 303, 401, 401, 303] == statuses


async def test_guesses_keep_no_session_and_no_known_browser_out(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        await add_account(service.service.database, "wang", Role.OPERATOR, PASSWORD, by="root@host")
        sign_in, right = "/console/sign-in", {"name": "wang", "password": PASSWORD}
        entered = await service.console.post(sign_in, data=right, headers=PAGE)
        code = service.service.accounts.offer_code()
        async with httpx2.AsyncClient(base_url=service.console.base_url, trust_env=False, timeout=60) as stranger:
            for _ in range(4):
                await stranger.post(sign_in, data=right | {"password": "wrong"}, headers=PAGE)
            kept_out = await stranger.post(sign_in, data=right, headers=PAGE)
            by_address = await stranger.post(sign_in, data={"code": code}, headers=PAGE)
        in_session = await service.console.get("/api/v1/status")
        await service.console.post("/console/sign-out", headers=PAGE)
        again = await service.console.post(sign_in, data=right, headers=PAGE)

    cookies = {each.split("=")[0]: each.lower() for each in entered.headers.get_list("set-cookie")}
    assert {COOKIE, BROWSER_COOKIE} == set(cookies)
    assert all(part in cookies[BROWSER_COOKIE] for part in ("httponly", "samesite=lax", "path=/console/sign-in"))
    assert [429, 303] == [kept_out.status_code, by_address.status_code]
    assert [200, 303] == [in_session.status_code, again.status_code]


def test_only_so_many_are_counted_and_the_ones_wrong_longest_ago_are_forgotten() -> None:
    counts = GuessCounts(lambda: 0.0)
    for number in range(1001):
        for _ in range(3):
            counts.failed(str(number))

    assert [0, 1, 1] == [counts.pause(str(number)) for number in (0, 1, 1000)]
