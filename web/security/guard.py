"""Who may use the console: who knows its password, or where there is none, people on this machine. The one place."""

import asyncio
import base64
import binascii
import hmac
import math
import secrets
from collections.abc import Callable

import structlog
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from pipeline.settings import Settings
from web.security.access import Access
from web.security.passwords import password_fits
from web.security.roles import Permission, Role, SignedIn, check_permission, permission_of
from web.security.sources import Connection, check_source, claim_of, is_local, peer_of
from web.security.throttle import GuessThrottle

log = structlog.get_logger()

_MOST_TRIALS = 4
"""Different passwords that are tried or wait to be; each takes a tenth of a second."""


class ConsoleGuard:
    """Lets a request through or raises; `detail` of what it raises is a key of the catalogue."""

    def __init__(self, settings: Callable[[], Settings], access: Access) -> None:
        """Admit requests that the settings allow; `settings` returns those in force."""
        self._settings = settings
        self._access = access
        self._throttle = GuessThrottle()
        # One password is tried at a time, and one that fitted is known again by a key of this process's own.
        self._trying = asyncio.Lock()
        self._trials: dict[bytes, asyncio.Task[bool]] = {}
        self._key = secrets.token_bytes(32)
        self._known = b""

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Check a request, as Litestar asks its guards to."""
        settings = self._settings()
        check_source(connection, settings)
        local = is_local(connection, settings)
        # Whoever knows the one password, or has the account of this machine that the service runs as, may do all.
        user = SignedIn("", Role.OPERATOR)
        check_permission(user, handler)
        connection.scope["user"] = user
        if local and _has_token(connection, self._access):
            return
        if not (local or settings.console.answers_others):
            raise PermissionDeniedException(detail="console.refused_remote")
        if hash_ := self._access.hash_for(settings):
            if permission_of(handler) is not Permission.OPEN:
                await self._check_password(connection, hash_)
        elif not local:
            # An edit that took the password away; the start would have refused it.
            raise PermissionDeniedException(detail="console.refused_remote")

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
            raise _unauthorized()
        # With the hash, so that what fitted one password does not open the next one's door.
        mark = hmac.digest(self._key, f"{hash_}\0{given}".encode("utf-8", "surrogateescape"), "sha256")
        if hmac.compare_digest(mark, self._known):
            return
        trial = self._trials.get(mark)
        if trial is None:
            # Room of its own for who has had it right before, which a proxy's address may be for everybody.
            rooms = 2 if self._throttle.is_welcome(peer_of(connection)) else 1
            if len(self._trials) >= rooms * _MOST_TRIALS:
                raise _too_many(1.0)
            # A page asks for several things at once with the same password: that is one trial.
            trial = asyncio.create_task(self._try(connection, given, hash_, mark), name="password")
            self._trials[mark] = trial
            trial.add_done_callback(lambda ended: self._end(mark, ended))
        if not await asyncio.shield(trial):
            raise _unauthorized()

    async def _try(self, connection: Connection, given: str, hash_: str, mark: bytes) -> bool:
        peer = peer_of(connection)
        async with self._trying:
            # Here, and not before: those that wait may all be wrong.
            if pause := self._throttle.pause(peer):
                raise _too_many(pause)
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


def _unauthorized() -> HTTPException:
    return NotAuthorizedException(
        detail="console.refused_password", headers={"WWW-Authenticate": 'Basic realm="webot", charset="UTF-8"'}
    )


def _too_many(seconds: float) -> HTTPException:
    headers = {"Retry-After": str(math.ceil(seconds))}
    return HTTPException(status_code=429, detail="console.refused_guesses", headers=headers)


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
