"""A provider's own words about a refusal, fit for operators and prompt engineers: no secrets, nobody's words."""

import re
from collections.abc import Iterable

from pipeline.text.privacy import Masker
from pipeline.text.unicode import wellformed

MOST = 300
"""Characters of a reason that are shown."""

_MOST_READ = 1000
_MOST_COMPARED = 300_000
"""Characters of a conversation that a reason is compared with: some 0.2 s of CPU at the worst."""

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
    """Return in one line what a provider said, without what it shares with `words`, those of a conversation.

    Nothing of it is shown beside a conversation too long to be compared with.
    """
    said_before = list(words)
    if sum(map(len, said_before)) > _MOST_COMPARED:
        return ""
    text = " ".join(wellformed(said[:_MOST_READ]).split())
    for pattern in _SECRETS:
        text = pattern.sub(_GONE, text)
    for each in said_before:
        text = _without(text, " ".join(each.split()))
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
    shared = _shared(lower, theirs)
    kept: list[str] = []
    end = 0
    for place, character in enumerate(text):
        if (length := shared.get(place, 0)) and place + length > end:
            if place >= end:
                kept.append(_GONE)
            end = place + length
        if place >= end:
            kept.append(character)
    return "".join(kept)


def _shared(text: str, words: str) -> dict[int, int]:
    """Return where in a text a run begins that stands in `words`, with its length: the least that is no chance.

    Takes time by the length of `words`, however often they begin as the text does.
    """
    shared: dict[int, int] = {}
    for length in (_SHORT_WIDE, _SHORT):
        runs: dict[str, list[int]] = {}
        for place in range(len(text) - length + 1):
            if (ord(text[place]) >= _WIDE) == (length == _SHORT_WIDE):
                runs.setdefault(text[place : place + length], []).append(place)
        if runs:
            theirs = {words[place : place + length] for place in range(len(words) - length + 1)}
            shared |= {place: length for run in runs.keys() & theirs for place in runs[run]}
    return shared
