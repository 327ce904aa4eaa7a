"""Who may use the console and its API: users who signed in, programs with a token, and the password of the settings."""

import asyncio
import base64
import binascii
import hmac
import secrets
from collections.abc import Callable
from typing import Self

import structlog
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from pipeline.settings import Settings
from storage.database.access import DatabaseUnusable
from web.security.access import Access
from web.security.account_lookup import COOKIE, Accounts
from web.security.passwords import password_fits
from web.security.role_names import Role
from web.security.roles import Permission, SignedIn, check_permission, permission_of
from web.security.sign_in import SignIn, too_many
from web.security.sources import Connection, check_source, claim_of, is_local, peer_of
from web.security.throttle import GuessThrottle

log = structlog.get_logger()

# Whoever knows the one password, or has the account of this machine that the service runs as, may do all.
_OPERATOR = SignedIn("", Role.OPERATOR)

_MOST_TRIALS = 4
"""Different passwords that are tried or wait to be; each takes a tenth of a second."""


class ConsoleGuard:
    """Lets a request through or raises; `detail` of what it raises is a key of the catalogue."""

    def __init__(self, settings: Callable[[], Settings], access: Access, accounts: Accounts) -> None:
        """Admit requests that the settings allow; `settings` returns those in force."""
        self._settings = settings
        self._access = access
        self.accounts = accounts
        self._throttle = GuessThrottle()
        self.sign_in = SignIn(settings, access, accounts, self._throttle)
        # One password is tried at a time, and one that fitted is known again by a key of this process's own.
        self._trying = asyncio.Lock()
        self._trials: dict[bytes, asyncio.Task[bool]] = {}
        self._key = secrets.token_bytes(32)
        self._known = b""

    def __deepcopy__(self, _memo: object) -> Self:
        """Return this guard: Litestar copies what a route carries, and wrong passwords are counted for all routes."""
        return self

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Check a request, as Litestar asks its guards to."""
        settings = self._settings()
        check_source(connection, settings)
        local = is_local(connection, settings)
        if local and _has_token(connection, self._access):
            user = _OPERATOR
        elif not (local or settings.console.answers_others):
            raise PermissionDeniedException(detail="console.refused_remote")
        elif permission_of(handler) is Permission.OPEN:
            return
        else:
            try:
                user = await self._identify(connection, settings, local=local)
            except DatabaseUnusable as error:
                raise HTTPException(status_code=503, detail="console.database_away") from error
        check_permission(user, handler)
        connection.scope["user"] = user

    async def _identify(self, connection: Connection, settings: Settings, *, local: bool) -> SignedIn:
        """Return who asks; raise for nobody, except on this machine while there is nothing to protect."""
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        hash_ = self._access.hash_for(settings)
        if scheme.lower() == "bearer":
            program = await self.accounts.by_token(given.strip(), settings)
            if program is None:
                raise _unauthorized(connection, hash_)
            return program
        if hash_ and scheme.lower() == "basic":
            await self._check_password(connection, hash_)
            return _OPERATOR
        if secret := connection.cookies.get(COOKIE, ""):
            user = await self.signed_in_by(secret)
            if user is not None:
                return user
        if hash_ or await self.accounts.has_users() or (local and self.accounts.real):
            raise _unauthorized(connection, hash_)
        if not local:
            # An edit that took the password away; the start would have refused it.
            raise PermissionDeniedException(detail="console.refused_remote")
        return _OPERATOR

    async def signed_in_by(self, secret: str) -> SignedIn | None:
        """Return who is signed in with a cookie's secret."""
        return await self.accounts.by_session(secret, self._settings(), self._access)

    async def check_program(self, connection: Connection, _handler: BaseRouteHandler) -> None:
        """Check a request for `/operations`: from a program on this machine that has read the token."""
        settings = self._settings()
        check_source(connection, settings)
        if not is_local(connection, settings):
            raise PermissionDeniedException(detail="console.refused_remote")
        if not _has_token(connection, self._access):
            raise NotAuthorizedException(
                detail="console.refused_token", headers={"WWW-Authenticate": 'Bearer realm="webot"'}
            )

    async def _check_password(self, connection: Connection, hash_: str) -> None:
        given = _password_in(connection.headers.get("authorization", ""))
        if not given:
            raise _unauthorized(connection, hash_)
        # With the hash, so that what fitted one password does not open the next one's door.
        mark = hmac.digest(self._key, f"{hash_}\0{given}".encode("utf-8", "surrogateescape"), "sha256")
        if hmac.compare_digest(mark, self._known):
            return
        trial = self._trials.get(mark)
        if trial is None:
            # Room of its own for who has had it right before, which a proxy's address may be for everybody.
            rooms = 2 if self._throttle.is_welcome(peer_of(connection)) else 1
            if len(self._trials) >= rooms * _MOST_TRIALS:
                raise too_many(1.0)
            # A page asks for several things at once with the same password: that is one trial.
            trial = asyncio.create_task(self._try(connection, given, hash_, mark), name="password")
            self._trials[mark] = trial
            trial.add_done_callback(lambda ended: self._end(mark, ended))
        if not await asyncio.shield(trial):
            raise _unauthorized(connection, hash_)

    async def _try(self, connection: Connection, given: str, hash_: str, mark: bytes) -> bool:
        peer = peer_of(connection)
        async with self._trying:
            # Here, and not before: those that wait may all be wrong.
            if pause := self._throttle.pause(peer):
                raise too_many(pause)
            if await asyncio.to_thread(password_fits, given, hash_):
                self._throttle.succeeded(peer)
                self._known = mark
                return True
            self._throttle.failed(peer)
        log.warning("console_password_wrong", peer=peer, claimed=claim_of(connection))
        return False

    def _end(self, mark: bytes, trial: asyncio.Task[bool]) -> None:
        del self._trials[mark]
        if not trial.cancelled():
            # Seen here, should all who waited for it have gone.
            trial.exception()


def _has_token(connection: Connection, access: Access) -> bool:
    scheme, _, given = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not access.token:
        return False
    return hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), access.token.encode())


def _unauthorized(connection: Connection, hash_: str) -> HTTPException:
    # A script in a page would else have the browser ask for a password in a window of its own.
    asks = bool(hash_) and "sec-fetch-mode" not in connection.headers
    challenge = 'Basic realm="webot", charset="UTF-8"' if asks else 'Bearer realm="webot"'
    detail = "console.refused_password" if asks else "console.refused_signed_out"
    return NotAuthorizedException(detail=detail, headers={"WWW-Authenticate": challenge})


def _password_in(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    # Whatever name: there is one password.
    return decoded.partition(":")[2]
