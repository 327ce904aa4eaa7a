"""Renders transcripts with markdown-pdf, in pieces that flow from page to page."""

from collections.abc import Sequence
from typing import Any

import pymupdf
from markdown_pdf import MarkdownPdf

from exports.chunks import RenderPart
from exports.pdf.fonts import EMOJI_FOLDER, shown_by_mupdf
from exports.pdf.pieces import HtmlPiece, pieces, style
from exports.pdf.verify import missing_messages
from exports.writers.image_files import ImageFolder
from pipeline.text.i18n import Catalogue

_ROUNDS = 3
_MARGINS = (48, 48, -48, -52)
_LEAST = 60
"""Points a message must find at the foot of a page to begin there; a page with less on it has got nowhere."""


class Stuck(Exception):
    """A row of a table is higher than a page: MuPDF would turn pages for ever and never set it."""


def render(part: RenderPart, catalogue: Catalogue, pictures: ImageFolder) -> bytes:
    """Lay the pages out, and again where a message got lost, which the end of a page is to blame for.

    Raises what markdown-pdf raises.
    """
    fresh: set[int] = set()
    for _ in range(_ROUNDS):
        made = _FlowingPdf(pictures)
        number = 0
        for piece in pieces(part, catalogue, pictures):
            # What got lost begins a page next time, and so meets its end elsewhere or not at all.
            made.flow(piece, fresh=piece.fresh or (piece.message != number and piece.message in fresh))
            number = piece.message
        with made.finish() as pages:
            missing = set(missing_messages(pages, part, engine_shows=shown_by_mupdf))
            pages.subset_fonts()
            data: bytes = pages.tobytes(garbage=3, deflate=True)
        if missing <= fresh:
            break
        fresh |= missing
    return data


class _FlowingPdf(MarkdownPdf):
    """Lays one section out behind the other on the same page, where the library begins a page for each."""

    def __init__(self, pictures: ImageFolder) -> None:
        super().__init__(toc_level=1)
        self._paper = pymupdf.paper_rect("A4")
        self._area = self._paper + _MARGINS
        self._device: Any = None
        self._top = self._area.y1
        self._archive = pymupdf.Archive(str(pictures.folder))
        self._archive.add(EMOJI_FOLDER)

    def flow(self, piece: HtmlPiece, *, fresh: bool) -> None:
        """Lay a piece out on what is left of the page, or on the next."""
        html = self.m_d.render(piece.text)
        story = pymupdf.Story(html=html, archive=self._archive, user_css=style(html))
        if self._device is None or (self._top > self._area.y0 and (fresh or self._area.y1 - self._top < _LEAST)):
            self._turn()
        if piece.whole and self._top > self._area.y0:
            more, _ = story.place(self._rest())
            story.reset()
            if more:
                self._turn()
        more, filled = story.place(self._rest())
        self._draw(story, filled)
        empty = 0
        while more:
            self._turn()
            more, filled = story.place(self._rest())
            self._draw(story, filled)
            empty = empty + 1 if filled[3] - self._area.y0 < _LEAST else 0
            if more and empty > 1:
                raise Stuck

    def finish(self) -> pymupdf.Document:
        """End the last page and give the document."""
        if self._device is None:
            self._turn()
        self.writer.end_page()
        # The library's `save` would write it for nothing: this is what is read back, and saved in the end.
        return self._make_doc()  # type: ignore[no-untyped-call]  # the library's

    def _rest(self) -> pymupdf.Rect:
        return pymupdf.Rect(self._area.x0, self._top, self._area.x1, self._area.y1)

    def _turn(self) -> None:
        if self._device is not None:
            self.writer.end_page()
        self.page_num += 1
        self._device = self.writer.begin_page(self._paper)
        self._top = self._area.y0

    def _draw(self, story: pymupdf.Story, filled: Sequence[float]) -> None:
        # The library's own: it gathers the bookmarks and where links lead to.
        story.element_positions(self._recorder, {"toc": True, "pdfile": self})
        story.draw(self._device)
        self._top = max(self._top, filled[3])
