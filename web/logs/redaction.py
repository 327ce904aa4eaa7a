"""Redacts secrets: known by key name, by shape, or by their literal value."""

import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote, urlsplit

MASK = "********"

# What the name of a secret ends in, in settings, headers, queries, JSON and arguments of programs.
_TELLTALE = (
    r"(?:access|aes|api|app|auth|client|encryption|functions|license|master|private|secret|session|shared|signing"
    r"|subscription)[_-]?key"
    r"|app[_-]?secret|authorization|cookie|credentials?|echostr|msg[_-]signature|jwt|pass(?:code|phrase)|passw(?:or)?d"
    r"|passw(?:or)?d[_-]hash|pwd|secret|token"
)
_IS_SECRET = re.compile(rf"[a-z0-9_.-]*(?:{_TELLTALE})", re.IGNORECASE)

# Shorter ones are found in every second line, and a line full of masks tells the secret's letters.
_LEAST_LETTERS = 4

# A name begins where no letter stands before it, so that each letter of a text is looked at once: this is what keeps
# the patterns linear. Nothing in them repeats what is repeated beside it.
_NAME = rf"(?<![a-z0-9_-])[a-z0-9_-]*(?:{_TELLTALE})|(?<![a-z0-9_-])sign"
# A value in quotes that are themselves escaped, and one in plain ones, which may hold escaped ones.
_ESCAPED = r"""(?:(?!\\["'])[^\n])*"""
_PLAIN = r"""(?:\\.|(?!{quote})[^\\\n])*"""
# Each with a letter it cannot do without: most lines have none of them, and then cost next to nothing.
_SHAPES = (
    # https://user:password@host
    ("@", re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+(?=@)"), rf"\1:{MASK}"),
    # Authorization: Bearer …
    (" ", re.compile(r"\b(bearer)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {MASK}"),
    (" ", re.compile(r"\b((?i:basic))\s+(?=[a-z]*[A-Z0-9+/=])[\w+/=-]{6,}"), rf"\1 {MASK}"),
    # Authorization: …, X-Api-Key: …
    (
        ":",
        re.compile(
            r"(?<![a-z0-9_-])((?:proxy-)?authorization\s?:\s?|[a-z0-9_-]*-(?:key|token|secret)\s?:\s?)"
            r"""(?!(?:bearer|basic)\s)[^\s"'\\,;{}]+""",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    # "token": "…", 'token': '…', also with the quotes escaped, as in a dump inside a string
    (
        ":",
        re.compile(rf"""(\\["'](?:{_NAME})\\["']\s*:\s*\\["']){_ESCAPED}""", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (
        ":",
        re.compile(
            rf"""((?<!\\)(["'])(?:{_NAME})\2\s*:\s*(["'])){_PLAIN.format(quote=chr(92) + "3")}""", re.IGNORECASE
        ),
        rf"\1{MASK}",
    ),
    # ?token=…&
    ("=", re.compile(rf"""({_NAME})=(?!["'])[^\s&"'<>,;)\]}}]+""", re.IGNORECASE), rf"\1={MASK}"),
    # ?key=…&, in an address alone: elsewhere a key is seldom a secret
    ("?", re.compile(r"""(?<=[?&])(key|sig|sign|signature)=[^\s&"'<>,;)\]}]+""", re.IGNORECASE), rf"\1={MASK}"),
    # token='…', as in a repr
    ("=", re.compile(rf"""((?:{_NAME})=(["'])){_PLAIN.format(quote=chr(92) + "2")}""", re.IGNORECASE), rf"\1{MASK}"),
    # The keys of OpenAI and of those who copy its habit; of GitHub, GitLab, Slack, Google, AWS, Hugging Face.
    ("sk-", re.compile(r"\bsk-[\w-]{8,}"), f"sk-{MASK}"),
    ("_", re.compile(r"\b(gh[opsur]_|github_pat_|hf_)[A-Za-z0-9_]{16,}"), rf"\1{MASK}"),
    ("-", re.compile(r"\b(glpat-|xox[abprs]-)[\w-]{10,}"), rf"\1{MASK}"),
    ("A", re.compile(r"\b(AIza|AKIA)[\w-]{16,}"), rf"\1{MASK}"),
    # A JSON web token.
    ("eyJ", re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]+)?"), MASK),
)


def is_secret(name: str) -> bool:
    """Whether a key's name says that its value is a secret."""
    return _IS_SECRET.fullmatch(name) is not None


class Redactor:
    """Takes secrets out of text and values; knows the literal ones it was given, and the others by their looks."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._literals: list[str] = []
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Add secrets; those known before stay secret."""
        spellings = {*self._literals, *(spelling for secret in secrets for spelling in _spellings(secret))}
        # The longest first: one secret may begin with another. A new list, for another thread may be reading the old.
        self._literals = sorted(spellings, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return the text with every secret in it masked."""
        for literal in self._literals:
            if literal in text:
                text = text.replace(literal, MASK)
        for needed, shape, replacement in _SHAPES:
            if needed in text:
                text = shape.sub(replacement, text)
        return text

    def value(self, name: str, value: object, *, most: int = 0) -> object:
        """Return a value fit to be shown under a name: masked whole, or in its parts; unset stays unset.

        With `most`, a text has so many characters at most; what follows them is not even looked at.
        """
        if is_secret(name):
            return MASK if value else value
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self._cut(value, most) if most and len(value) > most else self.text(value)
            case Mapping():
                return {self.text(str(key)): self.value(str(key), item, most=most) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.value(name, item, most=most) for item in value]
            case _:
                return self.value(name, repr(value), most=most)

    def _cut(self, text: str, most: int) -> str:
        seen = text[: 2 * most]
        masked = self.text(seen)
        if len(seen) < len(text):
            # The end may be the beginning of a secret.
            masked = masked[: max(0, len(masked) - max(map(len, self._literals), default=0))]
        return f"{masked[:most]}… ({len(text)} characters)"


def _spellings(secret: str) -> Iterable[str]:
    """Return a secret as it looks in a URL and in JSON too; of an address with a password, the password as well."""
    parts = [secret]
    if password := _password_in(secret):
        parts += [password, unquote(password)]
    for part in parts:
        if len(part) >= _LEAST_LETTERS:
            yield from (part, quote(part, safe=""), json.dumps(part)[1:-1], repr(part)[1:-1])


def _password_in(secret: str) -> str:
    try:
        return (urlsplit(secret).password or "") if "://" in secret else ""
    except ValueError:  # no address at all, such as a mistyped proxy
        return ""
