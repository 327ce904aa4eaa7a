"""Masks what names a person: phone numbers, identity cards, e-mail addresses, bank cards, and names of a list."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from storage.exports.records import Transcript

# Digits of other scripts and of Chinese input methods count: \d takes full-width ones.
_EMAIL = re.compile(r"[\w.+%-]{1,64}[@＠](?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}", re.ASCII)
_IDENTITY = re.compile(r"(?<!\d)\d{6}[ -]?(?:\d{8}[ -]?\d{3}[\dXxＸｘ]|\d{6}[ -]?\d{3})(?!\d)")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_MOBILE = re.compile(r"(?<!\d)(?:(?:[+＋]|00)?86[ -]?)?[1１][3-9３-９](?:[ -]?\d){9}(?!\d)")
_LANDLINE = re.compile(
    r"(?<!\d)(?<!\d[ -])(?:(?:[(（]0\d{2,3}[)）][ -]?|0\d{2,3}[ -])\d{3,4}[ -]?\d{4}"
    # Without a sign between them, a code and a number that there may be.
    r"|(?:010|02\d)[2-8]\d{7}|0[3-9]\d{2}[2-8]\d{6,7})(?!\d)"
)
_ABROAD = re.compile(r"(?<![\d+])\+\d{1,3}(?:[ -]?\(?\d{1,5}\)?){2,5}(?!\d)")

_OLDER = 15
_CUT = "…"
"""How a title ends that was too long."""
_TAIL = re.compile(r"[\w.+%@＠０-９ -]*$", re.ASCII)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
# The first two digits of a place in China (GB/T 2260).
_PROVINCES = frozenset((*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66)))


@dataclass(frozen=True)
class Masker:
    """Masks texts; each name of the list wherever it occurs, Latin ones as whole words without regard to case."""

    names: tuple[str, ...] = ()

    def __call__(self, text: str) -> str:
        """Give a text with what it masks replaced by the word for its kind."""
        text = _EMAIL.sub("[EMAIL]", text)
        text = _IDENTITY.sub(_if(_is_identity, "[ID]"), text)
        text = _CARD.sub(_if(_is_card, "[CARD]"), text)
        for phone in (_MOBILE, _LANDLINE, _ABROAD):
            text = phone.sub("[PHONE]", text)
        for name in self._patterns:
            text = name.sub("[NAME]", text)
        return text

    def transcript(self, transcript: Transcript) -> Transcript:
        """Mask everything in a conversation that somebody wrote; user ids and file names stay or go by the list."""
        talk = transcript.talk
        return Transcript(
            replace(talk, title=self._title(transcript), persona=self(talk.persona), user=self._named(talk.user)),
            tuple(
                replace(
                    said,
                    text=self(said.text),
                    note=self(said.note),
                    media=tuple(replace(media, name=self(media.name)) for media in said.media),
                    tools=tuple(replace(tool, arguments=self(tool.arguments)) for tool in said.tools),
                )
                for said in transcript.messages
            ),
        )

    def _title(self, transcript: Transcript) -> str:
        """Mask a title, which may be a question cut off in the middle of what is to be masked."""
        title = transcript.talk.title
        if not title.endswith(_CUT):
            return self(title)
        begin = title.removesuffix(_CUT)
        first = " ".join(transcript.messages[0].text.split()) if transcript.messages else ""
        if first.startswith(begin):
            masked = self(first)
            return masked if len(masked) <= len(title) else masked[: len(begin)] + _CUT
        # The question is not here: what may have been cut in two goes.
        left = self(_TAIL.sub("", begin))
        halves = (name[:end] for name in self.names for end in range(len(name) - 1, 0, -1))
        return left.removesuffix(next((half for half in halves if left.endswith(half)), "")) + _CUT

    def _named(self, text: str) -> str:
        for name in self._patterns:
            text = name.sub("[NAME]", text)
        return text

    @cached_property
    def _patterns(self) -> Sequence[re.Pattern[str]]:
        return _compiled(self.names)


def _compiled(names: tuple[str, ...]) -> list[re.Pattern[str]]:
    # The longest first: 欧阳锋 is not to become [NAME]锋 because 欧阳 is listed too.
    ordered = sorted({name.strip() for name in names} - {""}, key=len, reverse=True)
    return [re.compile(_spaced(name), re.IGNORECASE) for name in ordered]


def _spaced(name: str) -> str:
    """Write a name as a pattern: Latin words however far apart, Chinese characters also with spaces between them."""
    if name.isascii():
        return r"(?<![A-Za-z])" + r"\s+".join(map(re.escape, name.split())) + r"(?![A-Za-z])"
    return r"[ \u3000]?".join(re.escape(character) for character in "".join(name.split()))


def _if(holds: Callable[[str], bool], mask: str) -> Callable[[re.Match[str]], str]:
    return lambda found: mask if holds(found[0]) else found[0]


def _is_identity(written: str) -> bool:
    """Check birthday and check digit (GB 11643-1999), of the older kind of 15 digits place and birthday."""
    text = unicodedata.normalize("NFKC", written).replace(" ", "").replace("-", "").upper()
    older = len(text) == _OLDER
    try:
        date.fromisoformat(f"19{text[6:12]}" if older else text[6:14])
    except ValueError:
        return False
    if older:
        return int(text[:2]) in _PROVINCES
    weighed = sum(int(digit) * weight for digit, weight in zip(text[:17], _WEIGHTS, strict=True))
    return text[17] == _CHECKS[weighed % 11]


def _is_card(text: str) -> bool:
    """Check by Luhn's rule (ISO/IEC 7812-1); one in ten telephone numbers with 86 before them keeps it, too."""
    if _MOBILE.fullmatch(text):
        return False
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]  # noqa: PLR2004 (the rule's)
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1
