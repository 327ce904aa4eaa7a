"""Renders transcripts with markdown-pdf, in pieces that flow from page to page."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pymupdf
from markdown_pdf import MarkdownPdf

from exports.chunks import RenderPart
from exports.pdf.pieces import HtmlPiece, contents, pieces, style
from exports.pdf.verify import missing_messages
from exports.records import Head
from exports.writers.image_files import ImageFolder
from pipeline.text.i18n import Catalogue

_MARGINS = (48, 44, -48, -52)
_EMOJI = str(files("manimgx_fonts"))
"""The folder of the font in `prepare.EMOJI_FONT`."""
_ROUNDS = 3
_RUN = 60
"""Pieces measured together."""
_ENDLESS = 1_000_000
_LEAST = 60
"""Points a message must find at the foot of a page to begin there; a page with less on it has got nowhere."""


class Stuck(Exception):
    """A row of a table is higher than a page: MuPDF would turn pages for ever and never set it."""


def render(part: RenderPart, catalogue: Catalogue, pictures: ImageFolder) -> tuple[pymupdf.Document, Collection[int]]:
    """Lay the pages out, and again where a message got lost: it is rare, and the page's end is to blame.

    Gives the document, and the numbers of what it lost the last time. Raises what markdown-pdf raises.
    """
    fresh: set[int] = set()
    for _ in range(_ROUNDS):
        pdf = _lay_out(part, catalogue, pictures, fresh)
        missing = set(missing_messages(pdf, part))
        if missing <= fresh:
            break
        # What got lost begins a page next time, and so meets its end elsewhere or not at all.
        fresh |= missing
    return pdf, missing


def render_contents(
    heads: Sequence[Head], catalogue: Catalogue, folder: Path
) -> tuple[pymupdf.Document, list[tuple[int, float]]]:
    """Lay a table of contents out; return it with the page (from 0) and the line's foot of each conversation."""
    made = _Flowing(folder, toc_level=0)
    places = [made.flow(piece) for piece in contents(heads, catalogue)]
    return made.finish(), places[1:]


def _lay_out(part: RenderPart, catalogue: Catalogue, pictures: ImageFolder, fresh: Collection[int]) -> pymupdf.Document:
    made = _Flowing(pictures.folder, toc_level=1)
    run: list[HtmlPiece] = []
    number = 0
    for piece in pieces(part, catalogue, pictures):
        turns = piece.fresh or (piece.message != number and piece.message in fresh)
        number = piece.message
        if turns or len(run) == _RUN:
            made.flow_all(run)
            run = []
        run.append(replace(piece, fresh=turns))
    made.flow_all(run)
    return made.finish()


class _Flowing(MarkdownPdf):
    """Lays one section out behind the other on the same page, where the library begins a page for each."""

    def __init__(self, folder: Path, *, toc_level: int) -> None:
        super().__init__(toc_level=toc_level)
        self._paper = pymupdf.paper_rect("A4")
        self._area = self._paper + _MARGINS
        self._device: Any = None
        self._top = self._area.y1
        self._archive = pymupdf.Archive(str(folder))
        self._archive.add(_EMOJI)

    def flow_all(self, run: Sequence[HtmlPiece]) -> None:
        """Lay pieces out, those of a page together: each alone costs twenty times its text.

        How high each is, is known beforehand from laying all of them out on a page without an end. The last piece of
        a page may go on on the next; where that is wrong, what is lost is found by whoever reads the pages back.
        """
        heights = self._heights(run)
        place = 0
        while place < len(run):
            self._find_room(fresh=run[place].fresh)
            room = self._area.y1 - self._top
            end = place
            while end < len(run) and heights[end] <= room:
                room -= heights[end]
                end += 1
            if end < len(run) and room >= _LEAST and not run[end].whole:
                end += 1
            if end - place > 1:
                self._draw_from_here(self._story(run[place:end]))
            else:
                end = place + 1
                self.flow(run[place])
            place = end

    def flow(self, piece: HtmlPiece) -> tuple[int, float]:
        """Lay a piece out on what is left of the page, or on the next; return the page it ends on, and where."""
        story = self._story([piece])
        self._find_room(fresh=piece.fresh)
        if piece.whole and self._top > self._area.y0:
            more, _ = story.place(self._rest())
            story.reset()
            if more:
                self._turn()
        self._draw_from_here(story)
        return self.page_num - 1, self._top

    def finish(self) -> pymupdf.Document:
        """End the last page and give the document."""
        if self._device is None:
            self._turn()
        self.writer.end_page()
        # The library's `save` would write it for nothing: this is what is read back, and saved in the end.
        return self._make_doc()  # type: ignore[no-untyped-call]  # the library's

    def _heights(self, run: Sequence[HtmlPiece]) -> list[float]:
        """Return how far below each piece the next one begins."""
        tops: list[float] = []
        feet: list[float] = []

        def note(found: Any) -> None:  # noqa: ANN401 (the library's, with attributes it makes up)
            if found.id and found.open_close & 1:
                tops.append(found.rect[1])
                feet.append(found.rect[3])

        story = self._story([replace(piece, text=f'<div id="x">{piece.text}</div>') for piece in run])
        story.place(pymupdf.Rect(self._area.x0, 0, self._area.x1, _ENDLESS))
        story.element_positions(note)
        return [below - top for top, below in pairwise([*tops, *feet[-1:]])]

    def _story(self, run: Sequence[HtmlPiece]) -> pymupdf.Story:
        html = self.m_d.render("\n\n".join(piece.text for piece in run))
        return pymupdf.Story(html=html, archive=self._archive, user_css=style(html))

    def _find_room(self, *, fresh: bool) -> None:
        if self._device is None or (self._top > self._area.y0 and (fresh or self._area.y1 - self._top < _LEAST)):
            self._turn()

    def _rest(self) -> pymupdf.Rect:
        return pymupdf.Rect(self._area.x0, self._top, self._area.x1, self._area.y1)

    def _turn(self) -> None:
        if self._device is not None:
            self.writer.end_page()
        self.page_num += 1
        self._device = self.writer.begin_page(self._paper)
        self._top = self._area.y0

    def _draw_from_here(self, story: pymupdf.Story) -> None:
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

    def _draw(self, story: pymupdf.Story, filled: Sequence[float]) -> None:
        # The library's own: it gathers the bookmarks and where links lead to.
        story.element_positions(self._recorder, {"toc": True, "pdfile": self})
        story.draw(self._device)
        self._top = max(self._top, filled[3])
