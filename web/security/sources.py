"""Where a request says it comes from: its Host, its Origin and what the browser says of the page behind it.

A browser on this machine also runs the pages of strangers, so coming from loopback is not enough: a page whose name
was bound to 127.0.0.1 still carries that name in Host, and a page that asks something of us says where it is from.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, PermissionDeniedException

from pipeline.net import WILDCARDS, is_loopback_host
from pipeline.settings import Settings

Connection = ASGIConnection[Any, Any, Any, Any]

_AUTHORITY = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?"
_HOST = re.compile(_AUTHORITY)
_ORIGIN = re.compile(rf"([A-Za-z][A-Za-z0-9+.-]*)://({_AUTHORITY})")
_SINGLE = (b"host", b"origin", b"authorization", b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")
# What proxies, tunnels and CDNs add to say for whom they ask; some replace the dashes.
_FORWARDED = re.compile(r"via|cdn-loop|.*forwarded.*|.*-ip|.*client-ip.*|x-envoy-external-address", re.ASCII)
_READING = frozenset({"GET", "HEAD"})
_SHOWN_CLAIM = 64


def check_source(connection: Connection, settings: Settings) -> None:
    """Check who a request says it is for and from, whatever its method and its peer.

    Raises:
        HTTPException: 400 for a request no browser and no honest program sends, 403 for a name that is not ours and
            for what another page has sent; `detail` is a key of the catalogue.
    """
    names = [name for name, _ in connection.scope["headers"] if name in _SINGLE]
    host = _HOST.fullmatch(connection.headers.get("host", ""))
    origin = connection.headers.get("origin")
    if host is None or len(names) > len(set(names)):
        raise HTTPException(status_code=400, detail="console.malformed")
    if origin not in {None, "null"} and not _ORIGIN.fullmatch(str(origin)):
        raise HTTPException(status_code=400, detail="console.malformed")
    if not (_is_loopback_named(connection, settings) or host_name(connection) in _names(settings)):
        others = settings.console.answers_others
        raise PermissionDeniedException(detail="console.refused_host" if others else "console.refused_remote")
    if not _is_from_us(connection, origin):
        raise PermissionDeniedException(detail="console.refused_origin")


def is_local(connection: Connection, settings: Settings) -> bool:
    """Whether a request comes from this machine and names it; what a proxy passes on does not count as such."""
    if any(_FORWARDED.fullmatch(name.replace("_", "-")) for name in connection.headers):
        return False
    here = connection.scope.get("server")
    peer = peer_of(connection)
    # From this machine to an address of its own, the peer has that address.
    return (is_loopback_host(peer) or (here is not None and peer == here[0])) and _is_loopback_named(
        connection, settings
    )


def peer_of(connection: Connection) -> str:
    """Return the address at the other end of the socket."""
    return connection.client.host if connection.client else ""


def claim_of(connection: Connection) -> str:
    """Return the address a proxy says it speaks for, shortened; it is for the log and decides nothing."""
    return connection.headers.get("x-forwarded-for", "")[:_SHOWN_CLAIM]


def host_name(connection: Connection) -> str:
    """Return the name or address in a well-formed Host header, without brackets and port."""
    found = _HOST.fullmatch(connection.headers.get("host", ""))
    return found[1].strip("[]").lower() if found else ""


def _is_loopback_named(connection: Connection, settings: Settings) -> bool:
    name = host_name(connection)
    return is_loopback_host(name) or (name == settings.console.host.lower() and name not in WILDCARDS)


def _names(settings: Settings) -> set[str]:
    return {urlsplit(settings.server.public_url).hostname or "", *settings.console.hosts} - {""}


def _is_from_us(connection: Connection, origin: str | None) -> bool:
    """Whether a page of ours or no page at all has sent a request; programs send none of these headers."""
    host = connection.headers.get("host", "")
    if origin is not None:
        scheme, _, place = origin.lower().partition("://")
        # A proxy may have taken the TLS off; pages of other kinds, such as extensions, may be named as we are.
        if scheme not in {"http", "https"} or place != host.lower():
            return False
    if connection.headers.get("sec-fetch-site", "none") in {"same-origin", "none"}:
        return True
    # A link elsewhere may open the console as it stands; a query could name people and things.
    return (
        connection.scope.get("method") in _READING
        and connection.headers.get("sec-fetch-mode") == "navigate"
        and connection.headers.get("sec-fetch-dest") == "document"
        and not connection.scope.get("query_string")
    )
