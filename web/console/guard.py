"""Who may use the console: people on this machine, and others only where the settings let them. The one place.

A browser on this machine also runs the pages of strangers, so coming from loopback is not enough: a page whose name
was bound to 127.0.0.1 still carries that name in Host, and a page that posts to us says where it is from.
"""

import asyncio
import base64
import binascii
import hmac
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import structlog
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from pipeline.net import is_loopback_host
from pipeline.settings import Console
from web.console.passwords import password_fits

log = structlog.get_logger()

_Connection = ASGIConnection[Any, Any, Any, Any]

_READING = frozenset({"GET", "HEAD"})
_FORWARDED = frozenset({"forwarded", "via", "x-real-ip"})


class Guard:
    """Lets a request through or raises; `detail` of what it raises is a key of the catalogue."""

    def __init__(self, settings: Callable[[], Console]) -> None:
        """Let in whom the settings let in; `settings` gives those that hold now."""
        self._settings = settings
        # One password is tried at a time, and one that fitted is known again by a key of this process's own.
        self._trying = asyncio.Lock()
        self._key = secrets.token_bytes(32)
        self._known = ("", b"")
        warn_if_open(settings())

    async def __call__(self, connection: _Connection, _handler: BaseRouteHandler) -> None:
        """Check a request, as Litestar asks its guards to."""
        if not _is_local(connection):
            settings = self._settings()
            if not settings.remote:
                raise PermissionDeniedException(detail="console.refused_remote")
            if hash_ := settings.password_hash.get_secret_value():
                await self._check_password(connection, hash_)
        if connection.scope.get("method") not in _READING:
            _check_origin(connection)

    async def _check_password(self, connection: _Connection, hash_: str) -> None:
        given = _password_in(connection.headers.get("authorization", ""))
        mark = hmac.digest(self._key, given.encode("utf-8", "surrogateescape"), "sha256")
        fitted, known = self._known
        if given and fitted == hash_ and hmac.compare_digest(mark, known):
            return
        async with self._trying:
            fits = bool(given) and await asyncio.to_thread(password_fits, given, hash_)
        if not fits:
            if given:
                log.warning("console_password_wrong", peer=_peer(connection))
            raise NotAuthorizedException(
                detail="console.refused_password", headers={"WWW-Authenticate": 'Basic realm="webot", charset="UTF-8"'}
            )
        self._known = (hash_, mark)


def warn_if_open(settings: Console) -> None:
    """Tell the operator of a console that asks nobody for a password."""
    if settings.remote and not settings.password_hash.get_secret_value():
        log.warning("console_open", hint="[console] remote is true without password_hash: anybody may use it")


def _name_in(host: str) -> str:
    """Return the name or address in a Host header, without its port."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.rpartition(":")[0] or host


def _is_local(connection: _Connection) -> bool:
    # A proxy on this machine connects from loopback for people who are elsewhere.
    if any(name in _FORWARDED or name.startswith("x-forwarded-") for name in connection.headers):
        return False
    peer = _peer(connection)
    return bool(peer) and is_loopback_host(peer) and is_loopback_host(_name_in(connection.headers.get("host", "")))


def _peer(connection: _Connection) -> str:
    return connection.client.host if connection.client else ""


def _check_origin(connection: _Connection) -> None:
    """Refuse what a page of somebody else's has sent; programs send neither header, browsers always one."""
    site = connection.headers.get("sec-fetch-site", "same-origin")
    origin = connection.headers.get("origin")
    host = connection.headers.get("host", "")
    if site not in {"same-origin", "none"} or (origin is not None and urlsplit(origin).netloc != host):
        raise HTTPException(status_code=403, detail="console.refused_origin")


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
