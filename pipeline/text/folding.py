"""Normalised forms in which text is compared."""

import re
import unicodedata
from collections.abc import Iterable

import regex  # type: ignore[import-untyped]  # ships no types

SIGNS = ("@", "＠", "﹫")
"""What a command begins with: a full-width or small commercial at is what a Chinese input method types."""


# Marks on one letter, the Japanese ones of half width among them. No writing has so many, and putting them in order
# takes the square of their number: 1.5 s for 40,000.
_MARKS = regex.compile(r"([\p{M}\uff9e\uff9f]{30})[\p{M}\uff9e\uff9f]+")


def casefold_nfkc(word: str) -> str:
    """Return a word in that form: full width and large letters make no difference."""
    return unicodedata.normalize("NFKC", _MARKS.sub(r"\1", word)).casefold()


# Colours of skin, and what asks for a coloured picture instead of a black sign.
_SHADES = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]")


def repeated_sign(line: str, signs: Iterable[str]) -> str:
    """Return the sign that a line consists of, however often; empty if there is anything else in it."""
    bare = "".join(_SHADES.sub("", line).split())
    return next((sign for sign in signs if bare and not bare.replace(sign, "")), "")
