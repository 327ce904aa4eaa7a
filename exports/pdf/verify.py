"""Verifies a PDF: reads it back and checks that each message is complete and in place.

Compared are letters, digits and signs, without spaces. Each line of a message must be there as it was written, and in
its order; the cells of a table, which two pages may share, must have all their characters. What is set as a formula
comes back in another order and is left out.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

import pymupdf
import regex  # type: ignore[import-untyped]

from exports.chunks import RenderPart
from exports.pdf.fonts import shown
from exports.writers.blocks import Block, Formula, Span, blocks_of, leaves, plain, runs
from exports.writers.characters import EMOJI, printable
from exports.writers.header import speaker, stamp
from exports.writers.mathml import math_of

CONTINUED = "↪"
"""The sign before a line of code that goes on, which the pages have besides."""

_NOT_COMPARED = regex.compile(rf"[\s\p{{Default_Ignorable_Code_Point}}\p{{Cc}}\p{{Co}}{CONTINUED}]+")
# Written from right to left, or with signs that come back in another order than they are written in, or, where two
# have become one, as U+FFFD.
_REORDERED = regex.compile(
    r"[\p{Arabic}\p{Hebrew}\p{Syriac}\p{Thaana}\p{Nko}\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}\p{Oriya}\p{Tamil}"
    r"\p{Telugu}\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Thai}\p{Lao}\p{Tibetan}\p{Myanmar}\p{Khmer}\p{Mn}\ufffd]+"
)
# Its signs come back in another order, and brackets turned round, so that they are counted as a table's are.
_RIGHT_TO_LEFT = regex.compile(r"[\p{Arabic}\p{Hebrew}\p{Syriac}\p{Thaana}\p{Nko}]")

Shown = Callable[[str], str]
"""Gives a text as an engine's pages show it."""

_HEAD = 46
"""Points at the top of a page that hold the title again and no message."""
_FOOT = 40
"""Points at the foot of a page that hold its number and no message."""


def missing_messages(pdf: pymupdf.Document, part: RenderPart, *, engine_shows: Shown = shown) -> list[int]:
    """Return the numbers of the messages that are not there whole; `engine_shows` gives a text as pages show it."""
    text = "".join(_compared(_page_text(page)) for page in pdf)
    missing: list[int] = []
    begin = 0
    # A message's text is between its own header and the next one that is found.
    awaited: list[tuple[int, Sequence[Block]]] = []
    for number, conversation, message in part.numbered():
        who = engine_shows(printable(speaker(conversation, message)))
        header = _compared(f"{who} {stamp(message.at)} #{number}")
        at = text.find(header, begin)
        if at < 0:
            missing.append(number)
            continue
        missing += [n for n, blocks in awaited if not _holds(text[begin:at], blocks, engine_shows)]
        awaited, begin = [(number, blocks_of(message))], at + len(header)
    missing += [n for n, blocks in awaited if not _holds(text[begin:], blocks, engine_shows)]
    return sorted(missing)


def _holds(text: str, blocks: Sequence[Block], engine_shows: Shown) -> bool:
    begin = 0
    counted: list[str] = []
    for run, is_cell in (run for block in blocks for run in runs(block)):
        for line in map(engine_shows, _lines(run)):
            ordered = _ordered(line)
            if is_cell or _RIGHT_TO_LEFT.search(line):
                counted.append(ordered)
                continue
            at = text.find(ordered, begin)
            if at < 0:
                return False
            begin = at + len(ordered)
    return Counter("".join(counted)) <= Counter(text)


def _page_text(page: pymupdf.Page) -> str:
    bounds = page.rect
    inside = pymupdf.Rect(bounds.x0, bounds.y0 + _HEAD, bounds.x1, bounds.y1 - _FOOT)
    return str(page.get_text("text", clip=inside, flags=pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP))


def _lines(run: Iterable[Span]) -> Iterator[str]:
    """Return what is between the line ends, the formulas that are set, and the emoji.

    An emoji comes back as other letters from some engines.
    """
    for is_formula, spans in groupby(
        leaves(run), lambda span: isinstance(span, Formula) and math_of(span.tex) is not None
    ):
        for part in () if is_formula else EMOJI.split(shown(printable(plain(spans)))):
            yield from filter(None, map(_kept, part.split("\n")))


def _compared(text: str) -> str:
    return _ordered(_kept(text))


def _kept(text: str) -> str:
    return str(_NOT_COMPARED.sub("", text if text.isascii() else unicodedata.normalize("NFKC", text)))


def _ordered(kept: str) -> str:
    return kept if kept.isascii() else str(_REORDERED.sub("", kept))
