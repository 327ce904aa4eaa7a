"""The part of a text that shows why it was found, with what was looked for marked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.text.search_words import first_places

_BEFORE = 40
# Signs of bold, but not of a power: `2**10`.
_BOLD = re.compile(r"(?<![0-9A-Za-z*])\*\*(?=[^\s*])([^*\n]+)(?<=\S)\*\*(?!\*)")


@dataclass(frozen=True, slots=True)
class SnippetPiece:
    """A piece of a text, marked where it is what was looked for."""

    text: str
    marked: bool = False


def snippet(text: str, phrases: Sequence[str], *, most: int) -> tuple[SnippetPiece, ...]:
    """Return some `most` characters of a text, from a little before the first phrase, without signs of bold."""
    text = _BOLD.sub(r"\1", text)
    places = sorted(first_places(tuple(phrases), text))
    begin = max(0, places[0][0] - _BEFORE) if places and places[-1][1] > most else 0
    end = begin + most
    pieces = [SnippetPiece("…")] if begin else []
    at = begin
    for first, last in places:
        if first < at or last > end:
            continue
        pieces += [SnippetPiece(text[at:first]), SnippetPiece(text[first:last], marked=True)]
        at = last
    pieces.append(SnippetPiece(text[at:end] + ("…" if len(text) > end else "")))
    return tuple(piece for piece in pieces if piece.text)
