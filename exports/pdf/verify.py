"""Verifies a PDF: reads it back and checks that each message is complete and in place.

Compared are letters and digits: how spaces, punctuation and emoji come back from a page differs between engines, but
a text that keeps all its letters in their order has lost nothing else.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

import pymupdf

from exports.chunks import RenderPart
from exports.writers.blocks import (
    Block,
    Display,
    Divider,
    Grid,
    Heading,
    Items,
    Listing,
    Paragraph,
    Quoted,
    blocks_of,
    plain,
)
from exports.writers.characters import EMOJI
from exports.writers.header import speaker, stamp

_OTHERS = re.compile(r"[\W_]+")
_LEFTWARD = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")
"""The blocks that have letters written from right to left."""

_FOOT = 40
"""Points at the foot of a page that hold its number and no message."""


def missing_messages(pdf: pymupdf.Document, part: RenderPart) -> list[int]:
    """Return the numbers of the messages that are not there whole."""
    text = "".join(_letters(_page_text(page)) for page in pdf)
    missing: list[int] = []
    begin = 0
    # A message's text is between its own header and the next one that is found.
    awaited: list[tuple[int, list[str]]] = []
    for number, talk, message in part.numbered():
        header = _letters(f"{speaker(talk, message)} {stamp(message.at)} #{number}")
        at = text.find(header, begin)
        if at < 0:
            missing.append(number)
            continue
        missing += [n for n, pieces in awaited if not _holds(text, pieces, begin, at)]
        pieces = [piece for block in blocks_of(message) for piece in _pieces(block)]
        awaited, begin = [(number, pieces)], at + len(header)
    missing += [n for n, pieces in awaited if not _holds(text, pieces, begin, len(text))]
    return sorted(missing)


def _holds(text: str, pieces: Sequence[str], begin: int, end: int) -> bool:
    for piece in pieces:
        at = text.find(piece, begin, end)
        if at < 0:
            return False
        begin = at + len(piece)
    return True


def _page_text(page: pymupdf.Page) -> str:
    bounds = page.rect
    inside = pymupdf.Rect(bounds.x0, bounds.y0, bounds.x1, bounds.y1 - _FOOT)
    return str(page.get_text("text", clip=inside, flags=pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP))


def _pieces(block: Block) -> Iterator[str]:
    match block:
        case Paragraph(spans) | Heading(_, spans):
            yield from _runs(plain(spans))
        case Listing(text, _) | Display(text):
            yield from _runs(text)
        case Quoted(inside):
            for each in inside:
                yield from _pieces(each)
        case Items(_, items):
            for item in items:
                for each in item:
                    yield from _pieces(each)
        case Grid(head, rows):
            cells = [cell for row in rows for cell in row] or head
            for cell in cells:
                yield from _runs(plain(cell))
        case Divider():
            return


def _runs(text: str) -> Iterator[str]:
    # An emoji comes back as other letters from some engines, so that what is around it is looked for alone.
    for run in EMOJI.split(text):
        for line in run.split("\n"):
            if letters := _letters(line):
                yield letters


def _letters(text: str) -> str:
    """Keep the letters and digits whose order on the page is that in which they are read."""
    letters = _OTHERS.sub("", text if text.isascii() else unicodedata.normalize("NFKC", text))
    if not _LEFTWARD.search(letters):
        return letters
    return "".join(c for c in letters if unicodedata.bidirectional(c) not in {"R", "AL"})
