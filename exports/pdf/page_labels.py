"""Writes page labels on finished pages, as PDF objects.

PyMuPDF's own way to write on a page takes milliseconds, and more the more pages there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pymupdf

_GREY = "0.55 0.58 0.62"
_NAME = "WebotFigures"
"""No engine names a font so."""


@dataclass(frozen=True, slots=True)
class Label:
    """Digits and signs of ASCII; `left` and `up` are points from the page's lower left corner."""

    said: str
    left: float
    up: float
    size: float

    def ink(self) -> str:
        """Return the operators that draw it."""
        return f"BT {_GREY} rg /{_NAME} {self.size:g} Tf {self.left:.2f} {self.up:.2f} Td ({self.said}) Tj ET\n"


def width(said: str, size: float) -> float:
    """Return how wide figures are, in points."""
    return float(pymupdf.get_text_length(said, fontsize=size))


class PageLabeller:
    """Writes in one document."""

    def __init__(self, document: pymupdf.Document) -> None:
        self._document = document
        # All at once: after each change PyMuPDF would look through all pages for one of them.
        self._pages = [document.page_xref(place) for place in range(len(document))]
        self._font = document.get_new_xref()
        document.update_object(self._font, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
        # What a page does to its coordinates ends where it ends.
        self._opening = self._stream("q\n")

    def write(self, place: int, label: Label) -> None:
        """Write on a page, counted from 0, over what is there."""
        page = self._pages[place]
        kind, contents = self._document.xref_get_key(page, "Contents")
        there = contents.strip("[]") if kind in {"xref", "array"} else ""
        ours = self._stream("Q\n" + label.ink())
        self._document.xref_set_key(page, "Contents", f"[{self._opening} 0 R {there} {ours} 0 R]")
        self._know(page, ["Resources", "Font"])

    def _know(self, xref: int, path: Sequence[str]) -> None:
        """Enter the font where a page names its fonts; what is on the way may be objects of their own."""
        key = ""
        for step in path:
            key += step
            kind, value = self._document.xref_get_key(xref, key)
            xref, key = (int(value.split()[0]), "") if kind == "xref" else (xref, f"{key}/")
        self._document.xref_set_key(xref, f"{key}{_NAME}", f"{self._font} 0 R")

    def _stream(self, content: str) -> int:
        xref: int = self._document.get_new_xref()
        self._document.update_object(xref, "<<>>")
        self._document.update_stream(xref, content.encode("ascii"))
        return xref
