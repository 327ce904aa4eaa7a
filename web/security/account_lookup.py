"""Who a session's cookie or a program's token stands for, and whether anyone needs to sign in."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from time import time

from pipeline.settings import Settings
from storage.accounts.sessions import begin_session, begin_user_session, digest_of, end_session, find_session
from storage.accounts.tokens import find_token, program_name
from storage.accounts.users import StoredUser, has_users
from storage.database.access import DatabaseUnusable, driver_errors
from storage.database.engine import Database
from web.security.access import Access
from web.security.role_names import Role
from web.security.roles import Permission, SignedIn

COOKIE = "webot_session"
_MOST_REMEMBERED = 1000
_ONE_TIME = "one-time"
"""The name under which the holder of the address that the start printed is signed in."""


@dataclass(eq=False)
class Accounts:
    """Finds who is signed in; `real` is whether a channel has credentials, so that there is something to protect."""

    database: Database
    real: bool
    _code: str = ""
    _had_users: bool | None = None
    # Who was signed in when the database could last be asked: the status page is needed most when it cannot.
    _remembered: OrderedDict[str, tuple[SignedIn, float]] = field(default_factory=OrderedDict)

    async def has_users(self) -> bool:
        """Whether there are users; while the database cannot be asked, what it said last.

        Raises:
            DatabaseUnusable: It has not said anything yet.
        """
        try:
            with driver_errors():
                self._had_users = await has_users(self.database)
        except DatabaseUnusable:
            if self._had_users is None:
                raise
        return bool(self._had_users)

    async def by_session(self, secret: str, settings: Settings, access: Access) -> SignedIn | None:
        """Return who is signed in with a cookie's secret; as a reader while the database cannot be asked."""
        digest = digest_of(secret)
        try:
            with driver_errors():
                found = await find_session(self.database, secret)
        except DatabaseUnusable:
            user, until = self._remembered.get(digest, (None, 0.0))
            # It may have ended since, which the database alone knows: enough for the status page, and for no change.
            return SignedIn(user.name, Role.READER) if user is not None and until > time() else None
        # Another password of the settings ends the sessions that began with the former one.
        if found is None or found.credential not in {"", _ONE_TIME, credential_of(access.hash_for(settings))}:
            self._remembered.pop(digest, None)
            return None
        user = user_of(found.name, found.role, settings)
        if user is not None:
            self._remembered[digest] = user, found.expires_at
            if len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return user

    async def by_token(self, secret: str, settings: Settings) -> SignedIn | None:
        """Return the program a token was made for.

        Raises:
            DatabaseUnusable: The database cannot be asked.
        """
        with driver_errors():
            found = await find_token(self.database, secret)
        return None if found is None else user_of(program_name(found.name), found.role, settings)

    async def begin(self, name: str, role: Role, *, credential: str = "") -> str:
        """Begin a session and return the secret for the cookie. Raises `DatabaseUnusable`."""
        with driver_errors():
            return await begin_session(self.database, name, role, credential=credential)

    async def begin_for(self, user: StoredUser) -> str | None:
        """Begin a session of a user whose password was right; None if they have changed since. Raises as `begin`."""
        with driver_errors():
            return await begin_user_session(self.database, user.name, user.role, password_hash=user.password_hash)

    async def end(self, secret: str) -> None:
        """End a session. Raises `DatabaseUnusable`."""
        self._remembered.pop(digest_of(secret), None)
        with driver_errors():
            await end_session(self.database, secret)

    def offer_code(self) -> str:
        """Make the code of the address that opens the console once, until it is used or the process ends."""
        self._code = secrets.token_urlsafe(24)
        return self._code

    async def use_code(self, given: str) -> str | None:
        """Begin an operator's session with the one-time code and return its secret; None for any other code."""
        code, matches = self._code, hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._code.encode())
        if not code or not matches:
            return None
        # Before the session is written, so that two who come at once are not both let in.
        self._code = ""
        try:
            return await self.begin(_ONE_TIME, Role.OPERATOR, credential=_ONE_TIME)
        except DatabaseUnusable:
            self._code = code
            raise


def credential_of(password_hash: str) -> str:
    """Return by what a session remembers that it began with the password of the settings."""
    return hashlib.sha256(password_hash.encode()).hexdigest() if password_hash else ""


def user_of(name: str, role: str, settings: Settings) -> SignedIn | None:
    """Return a user with what the settings give the role; None for a role that this version does not know."""
    try:
        known = Role(role)
    except ValueError:
        return None
    reads = known is Role.PROMPT_ENGINEER and settings.console.prompt_engineers_read
    return SignedIn(name, known, frozenset({Permission.READ_CONVERSATIONS}) if reads else frozenset())
