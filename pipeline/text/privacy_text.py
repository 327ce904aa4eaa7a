"""A text as patterns read it: without characters of no width, digits and signs of all scripts as ASCII."""

import re
import unicodedata
from collections.abc import Iterator

_IGNORED_CATEGORIES = {"Cf", "Me"}
_IGNORED = {0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)}
"""Fillers and variation selectors, which show nothing either."""

_KEPT = frozenset("，；！？、。“”‘’")
"""Signs of sentences, which stay what they are: they end what stands before them."""
_DOTS = frozenset("•‣‧∙⋅⸱⦁・･●")
"""Dots at the height of a letter's middle, which people write between groups of digits."""
_MASKED = "\x00"
"""Stands for a character that is masked already: no pattern matches it."""


class _Readings(dict[int, str]):
    """Each character's plain reading: one character, or nothing. Worked out once for each that occurs."""

    def __missing__(self, code: int) -> str:
        self[code] = reading = _reading(chr(code))
        return reading


def _reading(character: str) -> str:  # noqa: PLR0911 (a rule each)
    if character == _MASKED:
        return "\x01"
    if character.isascii():
        return "\n" if character in "\r\v\f\x1c\x1d\x1e" else " " if character == "\t" else character
    category = unicodedata.category(character)
    if category in _IGNORED_CATEGORIES or ord(character) in _IGNORED:
        return ""
    if character in _KEPT:
        return character
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in {"No", "Nl"}:
        return character
    if category == "Zs":
        return " "
    if category in {"Zl", "Zp"} or character == "\x85":
        return "\n"
    if category == "Pd" or character in "−﹣⁃":
        return "-"
    if character in _DOTS:
        return "·"
    if character == "\u2800":  # a cell of Braille without dots
        return " "
    folded = unicodedata.normalize("NFKC", character)
    return folded if len(folded) == 1 else character


_READINGS = _Readings()


class PlainText:
    """A text's plain reading, and where in the text each of its characters stands."""

    def __init__(self, text: str) -> None:
        self._original = text
        self._places: list[int] | None = None
        """The place of each plain character in the original; None where both are of one length."""
        self._spans: list[tuple[int, int, str]] = []
        self.text = text if text.isascii() and text.isprintable() else text.translate(_READINGS)
        if len(self.text) != len(text):
            self._places = [place for place, character in enumerate(text) if _READINGS[ord(character)]]

    def mask(self, mask: str, spans: Iterator[tuple[int, int]]) -> None:
        """Mask places of the plain text; they are in order and do not overlap."""
        parts: list[str] = []
        end = 0
        for first, last in spans:
            self._spans.append((first, last, mask))
            parts += [self.text[end:first], _MASKED * (last - first)]
            end = last
        if parts:
            self.text = "".join([*parts, self.text[end:]])

    def masked(self) -> str:
        """Return the original with the masks in their places."""
        parts: list[str] = []
        end = 0
        for first, last, mask in sorted(self._spans):
            parts += [self._original[end : self._place(first)], mask]
            end = self._place(last - 1) + 1
        return "".join([*parts, self._original[end:]])

    def original_before(self, found: re.Match[str] | None) -> str:
        """Return the original up to where a match in the plain text begins."""
        if found is None or found.start() == len(self.text):
            return self._original
        return self._original[: self._place(found.start())]

    def _place(self, plain: int) -> int:
        return plain if self._places is None else self._places[plain]
