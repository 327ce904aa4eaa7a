"""Checks the name and password of whoever signs in, one at a time, with pauses after wrong ones."""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from litestar.exceptions import HTTPException, NotAuthorizedException

from pipeline.settings import Settings
from storage.accounts.users import find_user
from storage.database.access import driver_errors
from web.security.access import Access
from web.security.account_lookup import Accounts, credential_of
from web.security.known_browsers import KnownBrowsers
from web.security.passwords import password_fits
from web.security.role_names import Role
from web.security.sources import Connection, claim_of, peer_of
from web.security.throttle import GuessCounts, GuessThrottle, network_of
from web.security.user_passwords import user_password_fits

log = structlog.get_logger()

_MOST_WAITING = 8
"""Attempts that are checked or wait to be; each takes a quarter of a second."""
_MOST_KNOWN_WAITING = 4


@dataclass(frozen=True, slots=True)
class BegunSession:
    """The secrets for two cookies: of the session, and of the browser that is known from now on."""

    secret: str
    browser: str


class SignIn:
    """Begins sessions for names and passwords; wrong ones are counted by address and by account, each for itself.

    A browser in which the account has signed in before is counted for itself alone: whoever guesses elsewhere, even
    from the same address, does not keep its user out. The counts are this process's own, so that no stranger's guess
    writes to the database; a restart forgets them.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        access: Access,
        accounts: Accounts,
        by_address: GuessThrottle,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._access = access
        self._accounts = accounts
        self._browsers = KnownBrowsers(access)
        self._by_address = by_address
        self._by_account = GuessCounts(clock)
        self._by_browser = GuessCounts(clock)
        self._by_both = GuessCounts(clock)
        self._trying = asyncio.Lock()
        self._waiting = 0

    async def begin(self, connection: Connection, name: str, password: str) -> BegunSession:
        """Begin a session.

        Raises:
            HTTPException: 401 for a wrong name or password, 429 after too many; `detail` is a key of the catalogue.
            DatabaseUnusable: The database cannot be asked.
        """
        account = name.casefold()
        browser = self._browsers.find(connection.cookies, account)
        # A known browser has room of its own: strangers fill the rest for as long as they like.
        most = _MOST_WAITING + _MOST_KNOWN_WAITING if browser else _MOST_WAITING
        if self._waiting >= most:
            raise too_many(1.0)
        self._waiting += 1
        try:
            async with self._trying:
                return await self._begin(connection, name, account, password, browser)
        finally:
            self._waiting -= 1

    async def _begin(
        self, connection: Connection, name: str, account: str, password: str, browser: str
    ) -> BegunSession:
        peer = peer_of(connection)
        if pause := self._pause(peer, account, browser):
            raise too_many(pause)
        with driver_errors():
            user = await find_user(self._accounts.database, name)
        settings_hash = self._access.hash_for(self._settings())
        secret: str | None = None
        if user is None and settings_hash:
            # The password of the settings is an operator's, with any name that is no user's.
            if await asyncio.to_thread(password_fits, password, settings_hash):
                secret = await self._accounts.begin("", Role.OPERATOR, credential=credential_of(settings_hash))
        elif await asyncio.to_thread(user_password_fits, password, user.password_hash if user else None) and user:
            secret = await self._accounts.begin_for(user)
        if secret is None:
            self._failed(peer, account, browser)
            log.warning("console_sign_in_wrong", peer=peer, claimed=claim_of(connection))
            raise NotAuthorizedException(detail="console.sign_in_wrong")
        self._succeeded(peer, account, browser)
        return BegunSession(secret, self._browsers.mark(account))

    def _pause(self, peer: str, account: str, browser: str) -> float:
        if browser:
            return self._by_browser.pause(browser)
        return max(self._by_address.pause(peer), self._by_account.pause(account))

    def _failed(self, peer: str, account: str, browser: str) -> None:
        if browser:
            self._by_browser.failed(browser)
            return
        self._by_address.failed(peer)
        self._by_account.failed(account)
        self._by_both.failed(_both(peer, account))

    def _succeeded(self, peer: str, account: str, browser: str) -> None:
        """Take back what was wrong for this account from here, and nothing else.

        Who has an account could else guess at another's without a pause, signing in to their own in between.
        """
        if browser:
            self._by_browser.forgive(browser)
        own = self._by_both.forgive(_both(peer, account))
        self._by_address.forgive(peer, own)
        self._by_account.forgive(account, own)


def _both(peer: str, account: str) -> str:
    return f"{network_of(peer)}\0{account}"


def too_many(seconds: float) -> HTTPException:
    """Return the refusal of one more attempt."""
    headers = {"Retry-After": str(math.ceil(seconds))}
    return HTTPException(status_code=429, detail="console.refused_guesses", headers=headers)
