"""What must not be shown: secrets, known by their name, by their shape or by their very letters."""

import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote, urlsplit

MASK = "********"

_NAMES = frozenset(
    {
        "access_token",
        "aes_key",
        "api_key",
        "apikey",
        "authorization",
        "cookie",
        "corpsecret",
        "credentials",
        "echostr",
        "msg_signature",
        "passwd",
        "password",
        "password_hash",
        "private_key",
        "proxy_authorization",
        "secret",
        "set_cookie",
        "token",
    },
)
_ENDINGS = ("_aes_key", "_api_key", "_apikey", "_authorization", "_passwd", "_password", "_secret", "_token")

# Shorter ones are found in every second line, and a line full of masks tells the secret's letters.
_LEAST_LETTERS = 4

_NAME = (
    r"(?:[a-z0-9]+[_-])*"
    r"(?:access_?token|api_?key|aes_?key|authorization|corpsecret|echostr|msg_signature|passw(?:or)?d|secret|token)"
)
# Each with a letter it cannot do without: most lines have none of them, and then cost next to nothing.
_SHAPES = (
    # https://user:password@host
    ("@", re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+(?=@)"), rf"\1:{MASK}"),
    # Authorization: Bearer …
    (" ", re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {MASK}"),
    # "token": "…", 'token': '…', also with the quotes escaped, as in a dump inside a string
    (
        ":",
        re.compile(rf"""((\\?["']){_NAME}\2\s*:\s*(\\?["'])).*?(?=\3)""", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    # ?token=…&
    ("=", re.compile(rf"""(?<![a-z0-9])({_NAME})=(?!["'])[^\s&"'<>,;)\]}}]+""", re.IGNORECASE), rf"\1={MASK}"),
    # ?key=…&, in an address alone: elsewhere a key is seldom a secret
    ("?", re.compile(r"""(?<=[?&])(key|sig|sign|signature)=[^\s&"'<>,;)\]}]+""", re.IGNORECASE), rf"\1={MASK}"),
    # token='…', as in a repr
    ("=", re.compile(rf"""(?<![a-z0-9])({_NAME}=(["'])).*?(?=\2)""", re.IGNORECASE), rf"\1{MASK}"),
    # The keys of OpenAI and of those who copy its habit.
    ("sk-", re.compile(r"\bsk-[\w-]{8,}"), f"sk-{MASK}"),
)


def is_secret(name: str) -> bool:
    """Tell by a key's name that its value is a secret."""
    plain = name.lower().replace("-", "_")
    return plain in _NAMES or plain.endswith(_ENDINGS)


class Masker:
    """Takes secrets out of text and values; knows the literal ones it was given, and the others by their looks."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._literals: list[str] = []
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Know further secrets; those known before stay secret."""
        spellings = {*self._literals, *(spelling for secret in secrets for spelling in _spellings(secret))}
        # The longest first: one secret may begin with another. A new list, for another thread may be reading the old.
        self._literals = sorted(spellings, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Give the text with every secret in it masked."""
        for literal in self._literals:
            if literal in text:
                text = text.replace(literal, MASK)
        for needed, shape, replacement in _SHAPES:
            if needed in text:
                text = shape.sub(replacement, text)
        return text

    def value(self, name: str, value: object) -> object:
        """Give a value fit to be shown under a name: masked whole, or in its parts; unset stays unset."""
        if is_secret(name):
            return MASK if value else value
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(str(key)): self.value(str(key), item) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.value(name, item) for item in value]
            case _:
                return self.text(repr(value))


def _spellings(secret: str) -> Iterable[str]:
    """Give a secret as it looks in a URL and in JSON too; of an address with a password, the password as well."""
    parts = [secret]
    if "://" in secret and (password := urlsplit(secret).password):
        parts += [password, unquote(password)]
    for part in parts:
        if len(part) >= _LEAST_LETTERS:
            yield from (part, quote(part, safe=""), json.dumps(part)[1:-1], repr(part)[1:-1])
