"""Host names and addresses: which name this machine, how a bound one is reached from it, and why one was not."""

import ipaddress
import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from pipeline.errors import SettingsInvalid
from pipeline.text.i18n import Sentence, os_reason
from pipeline.text.phrases import placed

# HTTP libraries share no base class; they name alike what they mean alike.
_NAMED = (
    (re.compile("Timeout"), "cause.timeout"),
    (re.compile("ProxyError"), "cause.proxy"),
    (
        re.compile(
            "ProtocolError|ReadError|WriteError|ConnectionReset|ServerDisconnected|ClosedResource|BrokenResource"
        ),
        "cause.dropped",
    ),
    (re.compile("McpError"), "cause.mcp"),
    (re.compile("TooMuch"), "cause.too_much"),
)
_NOT_IN_A_HOST = re.compile(r"[\s\x00-\x1f\x7f\\<>\"]")

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared, not bound
"""Each address that means every interface, with the loopback address at which a socket bound there is reached."""


def is_loopback_host(host: str) -> bool:
    """Whether a host name or address, without a port and without brackets, means this machine and nothing else."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # A socket that listens for both kinds shows 127.0.0.1 as ::ffff:127.0.0.1.
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def is_loopback_url(url: str) -> bool:
    """Whether a URL leads to this machine and nothing else."""
    return is_loopback_host(urlsplit(url).hostname or "")


def local_url(host: str, port: int) -> str:
    """Return the URL at which this machine reaches a socket bound to an address."""
    reached = WILDCARDS.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def check_proxy(proxy: str) -> None:
    """Raise `SettingsInvalid` for a `[network] proxy` that no client here could use; an empty one is none.

    Without a port it is reached at 80, with https:// at 443, as both HTTP clients have it. What was found is not
    repeated: it may hold a password.
    """
    wrong = _proxy_problem(proxy) if proxy else ""
    if wrong:
        raise SettingsInvalid([placed("[network] proxy", wrong)])


def _proxy_problem(proxy: str) -> str:
    scheme = proxy.partition("://")[0].lower() if "://" in proxy else ""
    if scheme not in {"http", "https"}:
        return Sentence("setting.proxy_socks" if scheme.startswith("socks") else "setting.proxy")
    try:
        parts = urlsplit(proxy)
        port = parts.port
    except ValueError:
        return Sentence("setting.proxy_host")
    if port == 0 or not parts.hostname or _NOT_IN_A_HOST.search(parts.hostname):
        return Sentence("setting.proxy_host")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or _NOT_IN_A_HOST.search(parts.netloc):
        return Sentence("setting.proxy_rest")
    return ""


def cause_sentence(error: BaseException) -> Sentence:
    """Return why a request or a program failed; it names no address and no secret."""
    causes = tuple(causes_of(error))
    for kind, key in (
        (socket.gaierror, "cause.dns"),
        (ssl.SSLError, "cause.tls"),
        (ConnectionRefusedError, "cause.connection_refused"),
        (TimeoutError, "cause.timeout"),
    ):
        if any(isinstance(cause, kind) for cause in causes):
            return Sentence(key)
    for cause in causes:
        if status := getattr(getattr(cause, "response", None), "status_code", None):
            return Sentence("cause.status", status=status)
    names = " ".join(kind.__name__ for cause in causes for kind in type(cause).__mro__)
    if found := next((key for name, key in _NAMED if name.search(names)), ""):
        return Sentence(found)
    if said := next((os_reason(cause) for cause in causes if isinstance(cause, OSError) and cause.strerror), ""):
        return Sentence("cause.system", said=said)
    if "ConnectError" in names:
        return Sentence("cause.connection")
    return Sentence("cause.other", kind=type(causes[-1]).__name__)


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came from; of a group, its first."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        inner = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else None
        cause = inner or cause.__cause__ or cause.__context__
