"""Checks of single values that people write into the settings: levels, hosts, hashes, addresses, time zones."""

import re

from pydantic import SecretStr

from pipeline.text.i18n import Sentence
from pipeline.text.time_zone import is_timezone, nearest_timezone
from pipeline.text.unicode import visible_controls


def log_level(level: str) -> str:
    """Return a level of the log in capitals.

    Raises `ValueError` for anything else, with the sentence that says what would be right.
    """
    if level.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
        raise ValueError(Sentence("setting.level"))
    return level.upper()


def host_name(name: str) -> str:
    """Return a host's name or address in small letters.

    Raises `ValueError` for anything else, with the sentence that says what would be right.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", name):
        raise ValueError(Sentence("setting.host_name"))
    return name.lower()


_LINE_ENDS = "\t\n\r"
_SCRYPT_HASH = re.compile(r"scrypt(\$[0-9]{1,9}){3}(\$[A-Za-z0-9+/]+={0,2}){2}")


def scrypt_hash(written: SecretStr) -> SecretStr:
    """Return a password's hash as it was written.

    Raises `ValueError` for anything else, with the sentence that says what would be right.
    """
    if written.get_secret_value() and not _SCRYPT_HASH.fullmatch(written.get_secret_value()):
        raise ValueError(Sentence("setting.password_hash"))
    return written


def web_address(url: str) -> str:
    """Return the address of a web page, or nothing, as it was written.

    Raises `ValueError` for anything else, with the sentence that says what would be right.
    """
    if url and not re.match(r"https?://[^/\s]", url):
        raise ValueError(Sentence("setting.web_address"))
    return url


def file_path(path: str) -> str:
    """Return the path of a file or folder as it was written.

    Raises `ValueError` for one with control characters, such as the line end that a file's last line brought along:
    a folder of that name would be made, and no message could name it.
    """
    if not set(path).isdisjoint(_LINE_ENDS) or path != visible_controls(path):
        raise ValueError(Sentence("setting.file_path"))
    return path


def timezone_name(name: str) -> str:
    """Return the name of a time zone, or nothing, as it was written.

    Raises `ValueError` for anything else, with the sentence that says what would be right.
    """
    if name and not is_timezone(name):
        near = nearest_timezone(name)
        raise ValueError(Sentence("setting.timezone_near", near=near) if near else Sentence("setting.timezone"))
    return name
