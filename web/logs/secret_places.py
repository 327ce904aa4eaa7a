"""Secrets told by where they stand in the settings, and by their shape where nothing else tells."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from web.logs.redaction import MASK, Redactor, is_secret

# Tables whose every value is for the other side alone, except what says nothing about who asks.
_TABLES_OF_SECRETS = frozenset(
    {"cookies", "default_headers", "default_query", "env", "extra_headers", "extra_query", "headers", "query"}
)
_HARMLESS = re.compile(
    r"accept(-.+)?|api-version|cache-control|connection|content-.+|host|http-referer|user-agent|version|x-title",
    re.IGNORECASE,
)
# Of what reaches a model or a program as it is.
_ENDS_LIKE_A_SECRET = re.compile(r".*(key|password|passwd|secret|token)s?|(.*[_.-])?(sign|signature)", re.IGNORECASE)
_FLAG = re.compile(r"--?[a-z0-9_.-]*(auth|credentials?|key|password|passwd|secret|token)", re.IGNORECASE)
_ASSIGNED = re.compile(r"([a-z0-9_.-]+)=(.+)", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"(?:basic|bearer|token)\s+(.+)", re.IGNORECASE)
_HEADER_FLAGS = frozenset({"-H", "--header"})
_URL = re.compile(r"""[a-z][a-z0-9+.-]{0,30}://[^\s"'<>]+""", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9]+")
_LETTER, _DIGIT = re.compile(r"[A-Za-z]"), re.compile(r"[0-9]")
_LEAST_IN_A_PATH = 10
_LEAST_RANDOM = 20
_LONG_PART = 24
_LEAST_LEARNED = 6
"""Characters that a value has to have before the log looks for it: a shorter one is part of other words."""


def mask_setting(key: str, value: object, *, loose: bool) -> object:
    """Return what may be shown of a value under a key of the settings, at every depth.

    `loose` says that the key is none of ours and reaches a model as it is, so that more names promise a secret.
    """
    return _masked(value, frozenset(secret for secret, _ in _secrets(key, value, loose=loose)), Redactor())


def secrets_in(table: BaseModel) -> list[str]:
    """Return the secrets in a table that the log can look for; what has its default is public and none."""
    return [
        secret for secret, declared in _secrets("", table, loose=False) if declared or len(secret) >= _LEAST_LEARNED
    ]


def _masked(value: object, secrets: frozenset[str], redactor: Redactor) -> object:
    match value:
        case SecretStr():
            return _masked(value.get_secret_value(), secrets, redactor)
        case BaseModel():
            return _masked(value.model_dump(exclude_unset=True), secrets, redactor)
        case Mapping():
            return {key: _masked(item, secrets, redactor) for key, item in value.items()}
        case tuple() | list():
            return [_masked(item, secrets, redactor) for item in value]
        case str():
            for secret in sorted(secrets, key=len, reverse=True):
                value = value.replace(secret, MASK)
            return redactor.text(value)
        case _:
            return MASK if str(value) in secrets else value


def _secrets(key: str, value: object, *, loose: bool) -> Iterator[tuple[str, bool]]:
    """Yield each secret, and whether it was declared to be one."""
    match value:
        case SecretStr():
            yield from ((text, True) for text in [value.get_secret_value()] if text)
        case BaseModel():
            fields = type(value).model_fields
            for name, item in value:
                if name not in fields or item != fields[name].default:
                    yield from _secrets(name, item, loose=name not in fields)
        case Mapping():
            yield from _secrets_of_mapping(key, value)
        case tuple() | list():
            yield from _secrets_of_list(key, value, loose=loose)
        case None | bool() | "":
            return
        case str() if not is_secret(key) and not (loose and _ENDS_LIKE_A_SECRET.fullmatch(key)):
            yield from ((text, False) for text in _shaped(value))
        case str() | int() | float() if isinstance(value, str) or is_secret(key):
            yield str(value), is_secret(key)
        case _:
            return


def _secrets_of_mapping(key: str, table: Mapping[object, object]) -> Iterator[tuple[str, bool]]:
    whole = key.lower() in _TABLES_OF_SECRETS
    for name, item in table.items():
        if whole and not isinstance(item, SecretStr) and not _HARMLESS.fullmatch(str(name)):
            yield from ((text, False) for text in _texts(item))
        else:
            yield from _secrets(str(name), item, loose=True)


def _secrets_of_list(key: str, items: tuple[object, ...] | list[object], *, loose: bool) -> Iterator[tuple[str, bool]]:
    before = ""
    for item in items:
        if isinstance(item, str) and (found := _ASSIGNED.fullmatch(item)) and _promises(found[1]):
            yield found[2], False
        elif isinstance(item, str) and _FLAG.fullmatch(before) and not item.startswith("-"):
            yield item, False
        elif isinstance(item, str) and before in _HEADER_FLAGS:
            yield from ((text, False) for text in _texts(item.partition(":")[2].strip() or item))
        else:
            yield from _secrets(key, item, loose=loose)
        before = item if isinstance(item, str) else ""


def _promises(name: str) -> bool:
    return is_secret(name) or _FLAG.fullmatch(name) is not None


def _texts(value: object) -> Iterator[str]:
    match value:
        case Mapping():
            for item in value.values():
                yield from _texts(item)
        case tuple() | list():
            for item in value:
                yield from _texts(item)
        case None | bool() | "":
            return
        case _:
            yield str(value)
            if found := _SCHEME.fullmatch(str(value)):
                yield found[1]


def _shaped(text: str) -> Iterator[str]:
    """Yield what is secret in a text by its shape: parts of addresses, and long words nobody made up."""
    for url in _URL.findall(text):
        yield from _secrets_of_url(url)
    for word in _WORD.findall(_URL.sub(" ", text)):
        if len(word) >= _LEAST_RANDOM and _LETTER.search(word) and _DIGIT.search(word):
            yield word


def _secrets_of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return
    if password:
        yield password
    for name, _, value in (pair.partition("=") for pair in parts.query.split("&")):
        if value and not _HARMLESS.fullmatch(name):
            yield value
            yield unquote(value)
    for part in parts.path.split("/"):
        words = _WORD.findall(part)
        mixed = any(len(word) >= _LEAST_IN_A_PATH and _LETTER.search(word) and _DIGIT.search(word) for word in words)
        if mixed or (len(part) >= _LONG_PART and len(words) == 1) or _looks_like_a_uuid(part):
            yield part


def _looks_like_a_uuid(part: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", part, re.IGNORECASE) is not None
