"""Browsers in which a user has signed in before, by a signed cookie: others' guesses do not keep them waiting.

As OWASP describes it (Slow Down Online Guessing Attacks with Device Cookies). The cookie opens nothing: it decides
only by what wrong passwords are counted.
"""

import hmac
import secrets
from collections.abc import Mapping

from web.security.access import Access

BROWSER_COOKIE = "webot_browser"
BROWSER_SECONDS = 180 * 86400
_NAME_BYTES = 16


class KnownBrowsers:
    """Signs and reads the cookies; the key comes from the file of the service's token and outlives a restart."""

    def __init__(self, access: Access) -> None:
        self._key = hmac.digest(access.token.encode() or secrets.token_bytes(32), b"known browsers", "sha256")

    def mark(self, account: str) -> str:
        """Return the cookie for a browser in which an account has signed in."""
        name = secrets.token_urlsafe(_NAME_BYTES)
        return f"{name}.{self._sign(name, account)}"

    def find(self, cookies: Mapping[str, str], account: str) -> str:
        """Return the name of a browser in which this account has signed in, empty for any other browser."""
        name, _, signature = cookies.get(BROWSER_COOKIE, "").partition(".")
        expected = self._sign(name, account)
        return name if hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), expected.encode()) else ""

    def _sign(self, name: str, account: str) -> str:
        signed = f"{name}\0{account}".encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, signed, "sha256").hex()
