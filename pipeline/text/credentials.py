"""Credentials as people paste them: with quotes, line ends and spaces around them, or typed in full-width letters."""

import re

from pydantic import SecretStr

from pipeline.text.i18n import Sentence

_AROUND = " \t\r\n\v\f\x00\u00a0\u2000\u2001\u2002\u2003\u2009\u200b\u200c\u200d\u2028\u2029\u202f\u2060\u3000\ufeff"
_QUOTES = "\"'`“”‘’「」『』«»＂＇"
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_FIT = re.compile(r"[\x20-\x7e]*")
# Everything up to the last @ that a host and a database follow.
_LOGIN = re.compile(r"[a-z][\w+.-]*://[^/@:?#]*:(?P<password>.*)@[^@/?#]+/[^@]*", re.DOTALL)
# A password may have a slash or a question mark in it, by mistake; what looks like a port is one.
_USER = re.compile(r"//(?:[^/?#]*|[^/?#@:]*:(?!\d{1,5}(?:[/?#]|$))[^@\s]*)@")
_LONGEST_ADDRESS = 2000
_RAW = re.compile(r"[@/?#\[\]\s]|%(?![0-9A-Fa-f]{2})")


def tidy_credential(text: str) -> str:
    """Return a key, a token or an id without what was pasted along with it.

    Raises `ValueError` for one with a character that no credential has, such as a line end in its middle.
    """
    text = text.translate(_FULL_WIDTH).strip(_AROUND)
    text = text.strip(_QUOTES).strip(_AROUND).removeprefix("Bearer ").strip(_AROUND)
    if not _FIT.fullmatch(text):
        odd = next(character for character in text if not _FIT.fullmatch(character))
        raise ValueError(Sentence("setting.credential", place=str(text.index(odd) + 1), code=f"U+{ord(odd):04X}"))
    return text


def tidy_secret(secret: SecretStr) -> SecretStr:
    """Return a secret as `tidy_credential` does."""
    return SecretStr(tidy_credential(secret.get_secret_value()))


def possible_secret(secret: SecretStr) -> SecretStr:
    """Return a secret as it is. Raises `ValueError` for what `tidy_credential` cannot make a credential of."""
    tidy_credential(secret.get_secret_value())
    return secret


def tidy_address(address: str) -> str:
    """Return an address without spaces and quotes around it."""
    return address.strip(_AROUND).strip(_QUOTES).strip(_AROUND)


def shown_address(address: str) -> str:
    """Return an address as it may be shown: without a password, a query or a fragment, in which keys may be."""
    address = _USER.sub("//***@", address[:_LONGEST_ADDRESS])
    return re.sub(r"([?#]).*", r"\1***", address, flags=re.DOTALL)


def tidy_header(value: SecretStr) -> SecretStr:
    """Return the value of a header without spaces, line ends and quotes around it; `Bearer` before a key stays.

    Raises `ValueError` for a character that no header may have, such as a line end in its middle.
    """
    text = tidy_credential(value.get_secret_value())
    begins = value.get_secret_value().translate(_FULL_WIDTH).strip(_AROUND).strip(_QUOTES).lstrip(_AROUND)
    return SecretStr(f"Bearer {text}" if begins.startswith("Bearer ") and text else text)


def database_address(url: SecretStr) -> SecretStr:
    """Return a database's address. Raises `ValueError` for one whose password is not percent-encoded."""
    login = _LOGIN.fullmatch(url.get_secret_value())
    if login is not None and _RAW.search(login["password"]):
        raise ValueError(Sentence("setting.database_password"))
    return url
