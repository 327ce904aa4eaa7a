"""Secrets told by where they stand in the settings, and by their shape where nothing else tells."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
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
# Of what reaches a model or a program as it is: what the last word of a name is, or any of its words.
_LAST_WORDS = frozenset((
    "ak", "apikey", "auth", "cookie", "cookies", "cred", "creds", "hmac", "key", "keys", "licence", "license", "otp",
    "pass", "pat", "pin", "pw", "pwd", "salt", "session", "sessionid", "sid", "sig", "sign", "signature", "sk",
    "token", "tokens", "令牌", "口令", "密码", "密钥", "秘钥",
))  # fmt: skip
_ANY_WORDS = frozenset((
    "authorization", "bearer", "credential", "credentials", "jwt", "passcode", "passphrase", "passwd", "password",
    "passwords", "passwort", "secret", "secrets",
))  # fmt: skip
_BEHIND_THE_LAST = frozenset({"code", "hash", "id", "value"})
_NAME_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+")
_FLAG = re.compile(r"(?:--?|/)[\w.-]+")
_ASSIGNED = re.compile(r"(/?[\w.-]+)[=:](.+)", re.DOTALL)
# Programs have them for a password, a token, a key, and for `name:password`.
_SHORT_FLAGS = frozenset({"-k", "-p", "-P", "-t"})
_USER_FLAGS = frozenset({"-u", "-U", "--user", "--userpwd", "--proxy-user", "--basic", "--login"})
_USER_JOINED = re.compile(r"(?:-[uU]=?+|--(?:user|userpwd|proxy-user|basic|login)=)(?![0-9]+:[0-9]+$)[^:/\s]+:(.+)")
_HEADER_JOINED = re.compile(r"(?:-H|--headers?=)[^:]+:\s*(.+)", re.DOTALL)
_JOINED = re.compile(r"-[kpPt](?=.*[a-zA-Z])(?=.*[0-9])([^-=:/\s].{5,})")
_NUMBERS = re.compile(r"[0-9.:,/-]*")
_PATH = re.compile(r"[@./~].*|[a-z0-9.-]+/[a-z].*")
_PRIVATE_KEY = re.compile(r"(?<=PRIVATE KEY-----)[^-]+")
_SCHEME = re.compile(r"(?:basic|bearer|token)\s+(.+)", re.IGNORECASE)
_HEADER_FLAGS = frozenset({"-H", "--header", "--headers"})
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
            yield from _secrets_of_mapping(value, whole=key.lower() in _TABLES_OF_SECRETS or (loose and _promises(key)))
        case tuple() | list():
            yield from _secrets_of_list(key, value, loose=loose)
        case None | bool() | "":
            return
        case str() if not is_secret(key) and not (loose and _promises(key)):
            yield from ((text, False) for text in _shaped(value))
        case str() | int() | float() if isinstance(value, str) or is_secret(key):
            yield str(value), is_secret(key)
        case _:
            return


def _secrets_of_mapping(table: Mapping[object, object], *, whole: bool) -> Iterator[tuple[str, bool]]:
    for name, item in table.items():
        if whole and not isinstance(item, SecretStr) and not _HARMLESS.fullmatch(str(name)):
            yield from ((text, False) for text in _texts(item))
        else:
            yield from _secrets(str(name), item, loose=True)


def _secrets_of_list(key: str, items: Sequence[object], *, loose: bool) -> Iterator[tuple[str, bool]]:
    before = ""
    for item in items:
        if isinstance(item, str) and (found := _ASSIGNED.fullmatch(item)) and _promises(found[1]):
            yield found[2], False
        elif isinstance(item, str) and (found := _JOINED.fullmatch(item) or _USER_JOINED.fullmatch(item)):
            yield found[1], False
        elif isinstance(item, str) and (found := _HEADER_JOINED.fullmatch(item)):
            yield from ((text, False) for text in _texts(found[1]))
        elif isinstance(item, str) and _is_value_of(before, item):
            yield item, False
        elif isinstance(item, str) and before in _USER_FLAGS and not _NUMBERS.fullmatch(item):
            yield from ((text, False) for text in [item.partition(":")[2]] if text)
        elif isinstance(item, str) and before in _HEADER_FLAGS:
            yield from ((text, False) for text in _texts(item.partition(":")[2].strip() or item))
        else:
            yield from _secrets(key, item, loose=loose)
            words = _words_of_command(item) if isinstance(item, str) else []
            if len(words) > 1 and any(word.startswith("-") for word in words):
                yield from _secrets_of_list(key, words, loose=loose)
        before = item if isinstance(item, str) else ""


def _words_of_command(text: str) -> list[str]:
    """Return the words of a command for a shell, whose own flags may be among them."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _promises(name: str) -> bool:
    """Whether a name that is none of ours says that its value is a secret: apiToken, AK, access_key_id, --db-pass."""
    words = [word.lower() for word in _NAME_WORD.findall(name)]
    if words[-2:] == ["access", "code"]:
        return True
    while len(words) > 1 and words[-1] in _BEHIND_THE_LAST:
        words.pop()
    return is_secret(name) or (bool(words) and (words[-1] in _LAST_WORDS or not _ANY_WORDS.isdisjoint(words)))


def _is_value_of(flag: str, item: str) -> bool:
    """Whether an argument is the secret that the flag before it asks for."""
    if flag in _SHORT_FLAGS:
        return not (item.startswith("-") or _NUMBERS.fullmatch(item) or _PATH.fullmatch(item))
    # A secret may begin with a dash; a flag of one letter, or with two dashes, is none.
    is_flag = item.startswith("--") or (item.startswith("-") and len(item) <= len("-x"))
    return _FLAG.fullmatch(flag) is not None and _promises(flag) and not is_flag


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
    yield from _PRIVATE_KEY.findall(text)
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
    elif parts.username and _is_mixed(parts.username):
        # A token in the place of a name, as in the addresses of Git and Sentry.
        yield parts.username
    for name, _, value in (pair.partition("=") for pair in parts.query.split("&")):
        if value and not _HARMLESS.fullmatch(name):
            yield value
            yield unquote(value)
    for name, _, value in (pair.partition("=") for pair in re.split("[;&/]", f"{parts.path};{parts.fragment}")):
        if value and _promises(name):
            yield value
    for part in parts.path.split("/"):
        words = _WORD.findall(part)
        if _is_mixed(part) or (len(part) >= _LONG_PART and len(words) == 1) or _looks_like_a_uuid(part):
            yield part


def _is_mixed(text: str) -> bool:
    """Whether there is a long word of letters and digits in a text."""
    words = (word for word in _WORD.findall(text) if len(word) >= _LEAST_IN_A_PATH)
    return any(_LETTER.search(word) and _DIGIT.search(word) for word in words)


def _looks_like_a_uuid(part: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", part, re.IGNORECASE) is not None
