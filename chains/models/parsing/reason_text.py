"""A provider's own words about a refusal, fit for operators and prompt engineers: no secrets, nobody's words."""

import re
from collections.abc import Iterable

from pipeline.text.privacy import Masker
from pipeline.text.unicode import wellformed

MOST = 300
"""Characters of a reason that are shown."""

_MOST_READ = 1000
_MOST_COMPARED = 200_000
_GONE = "…"
_SECRETS = (
    re.compile(r"\b(?:(?:sk|pk|ak|ek|key|tok)[-_]|(?:Bearer|Basic) )[\w*.+/=~-]{4,400}", re.IGNORECASE),
    re.compile(r"(?<=://)[^\s/@]{1,200}@"),
    re.compile(r"(?<=\?)[^\s\"'<>]{1,400}"),
    re.compile(r"\b(?=[\w-]{0,400}\d)(?=[\w-]{0,400}[A-Za-z])[\w-]{24,400}\b"),
    re.compile(r"\b[\w.]{0,80}\*{3,}[\w.]{0,80}"),
)
_WIDE = 0x2E80
_SHORT, _SHORT_WIDE = 10, 4
"""Characters in a row that two texts may share by chance, of letters and of Chinese."""
_MASKER = Masker()


def shown_reason(said: str, words: Iterable[str]) -> str:
    """Return in one line what a provider said, without what it shares with `words`, those of a conversation."""
    text = " ".join(wellformed(said[:_MOST_READ]).split())
    for pattern in _SECRETS:
        text = pattern.sub(_GONE, text)
    for each in words:
        text = _without(text, " ".join(each[:_MOST_COMPARED].split()))
    text = _MASKER(text)
    text = re.sub(rf"{_GONE}(?:[\s.,;:'\"]*{_GONE})+", _GONE, text)
    return text if len(text) <= MOST else text[: MOST - 1] + _GONE


def _without(text: str, words: str) -> str:
    """Return a text without every run of characters, longer than chance, that stands in `words` as well."""
    lower, theirs = text.casefold(), words.casefold()
    if len(lower) != len(text) or not theirs:
        lower, theirs = text, words
    if 1 < len(theirs) <= _SHORT:
        # As a word of its own: "in" is also in "invalid".
        whole = rf"(?<![A-Za-z0-9_]){re.escape(theirs)}(?![A-Za-z0-9_])" if theirs.isascii() else re.escape(theirs)
        for found in reversed([*re.finditer(whole, lower)]):
            text = text[: found.start()] + _GONE + text[found.end() :]
        return text
    kept: list[str] = []
    place = 0
    while place < len(text):
        least = _SHORT_WIDE if ord(text[place]) >= _WIDE else _SHORT
        end = place + least
        if end > len(text) or lower[place:end] not in theirs:
            kept.append(text[place])
            place += 1
            continue
        while end < len(text) and lower[place : end + 1] in theirs:
            end += 1
        kept.append(_GONE)
        place = end
    return "".join(kept)
