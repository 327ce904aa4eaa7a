"""Host names and addresses: which name this machine, and how a bound one is reached from it."""

import ipaddress
import re
from urllib.parse import urlsplit

from pipeline.errors import SettingsInvalid
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import placed

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
