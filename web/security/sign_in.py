"""Checks the name and password of whoever signs in, one at a time, with pauses after wrong ones."""

import asyncio
import math
from collections.abc import Callable

import structlog
from litestar.exceptions import HTTPException, NotAuthorizedException

from pipeline.settings import Settings
from storage.accounts.users import find_user
from storage.database.access import driver_errors
from web.security.access import Access
from web.security.account_lookup import Accounts, credential_of
from web.security.passwords import password_fits
from web.security.role_names import Role
from web.security.sources import Connection, claim_of, peer_of
from web.security.throttle import GuessThrottle
from web.security.user_passwords import user_password_fits

log = structlog.get_logger()

_MOST_WAITING = 8
"""Attempts that are checked or wait to be; each takes a quarter of a second."""


class SignIn:
    """Begins sessions for names and passwords; wrong ones are counted by address and by account."""

    def __init__(
        self, settings: Callable[[], Settings], access: Access, accounts: Accounts, by_address: GuessThrottle
    ) -> None:
        self._settings = settings
        self._access = access
        self._accounts = accounts
        self._by_address = by_address
        self._by_account = GuessThrottle()
        self._trying = asyncio.Lock()
        self._waiting = 0

    async def begin(self, connection: Connection, name: str, password: str) -> str:
        """Begin a session and return the secret for its cookie.

        Raises:
            HTTPException: 401 for a wrong name or password, 429 after too many; `detail` is a key of the catalogue.
            DatabaseUnusable: The database cannot be asked.
        """
        if self._waiting >= _MOST_WAITING:
            raise too_many(1.0)
        self._waiting += 1
        try:
            async with self._trying:
                return await self._begin(connection, name, password)
        finally:
            self._waiting -= 1

    async def _begin(self, connection: Connection, name: str, password: str) -> str:
        peer, account = peer_of(connection), name.casefold()
        # Whoever has signed in from an address before does not wait because others guess at the same account.
        by_account = 0.0 if self._by_address.is_welcome(peer) else self._by_account.pause(account)
        if pause := max(self._by_address.pause(peer), by_account):
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
            self._by_address.failed(peer)
            self._by_account.failed(account)
            log.warning("console_sign_in_wrong", peer=peer, claimed=claim_of(connection))
            raise NotAuthorizedException(detail="console.sign_in_wrong")
        self._by_address.succeeded(peer)
        self._by_account.succeeded(account)
        return secret


def too_many(seconds: float) -> HTTPException:
    """Return the refusal of one more attempt."""
    headers = {"Retry-After": str(math.ceil(seconds))}
    return HTTPException(status_code=429, detail="console.refused_guesses", headers=headers)
