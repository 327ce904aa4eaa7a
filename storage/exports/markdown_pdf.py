"""Renders transcripts with markdown-pdf, in pieces that flow from page to page."""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pymupdf
from markdown_pdf import MarkdownPdf

from pipeline.words import Words
from storage.exports.check import lost
from storage.exports.parts import Part
from storage.exports.pictures import Pictures
from storage.exports.prepare import EMOJI_FONT, Piece, contents, pieces, style
from storage.exports.records import Transcript

_MARGINS = (48, 44, -48, -52)
_ROUNDS = 3
_RUN = 6
"""Pieces tried together."""
_LEAST = 60
"""Points a message must find at the foot of a page to begin there."""


def render(part: Part, words: Words, pictures: Pictures) -> pymupdf.Document:
    """Lay the pages out, and again where a message got lost: it is rare, and the page's end is to blame.

    Gives the document with whatever it lost the last time. Raises what markdown-pdf raises.
    """
    with as_file(files("manimgx_fonts").joinpath(EMOJI_FONT)) as font:
        shutil.copy(font, pictures.folder / EMOJI_FONT)
    fresh: set[int] = set()
    for _ in range(_ROUNDS):
        pdf = _lay_out(part, words, pictures, fresh)
        missing = set(lost(pdf, part))
        if missing <= fresh:
            break
        # What got lost begins a page next time, and so meets its end elsewhere or not at all.
        fresh |= missing
    return pdf


def render_contents(
    transcripts: Sequence[Transcript], words: Words, folder: Path
) -> tuple[pymupdf.Document, list[tuple[int, float]]]:
    """Lay a table of contents out; give it with the page (from 0) and the line's foot of each conversation."""
    made = _Flowing(toc_level=0)
    places = [made.flow(piece, folder, fresh=False) for piece in contents(transcripts, words)]
    return made.finish(folder), places[1:]


def _lay_out(part: Part, words: Words, pictures: Pictures, fresh: Collection[int]) -> pymupdf.Document:
    made = _Flowing(toc_level=1)
    run: list[Piece] = []
    number = 0
    for piece in pieces(part, words, pictures):
        turns = piece.fresh or (piece.message != number and piece.message in fresh)
        number = piece.message
        if run and (turns or len(run) == _RUN):
            made.flow_together(run, pictures.folder)
            run = []
        run.append(replace(piece, fresh=turns))
    made.flow_together(run, pictures.folder)
    return made.finish(pictures.folder)


class _Flowing(MarkdownPdf):
    """Lays one section out behind the other on the same page, where the library begins a page for each."""

    def __init__(self, toc_level: int) -> None:
        super().__init__(toc_level=toc_level)
        self._paper = pymupdf.paper_rect("A4")
        self._area = self._paper + _MARGINS
        self._device: Any = None
        self._top = self._area.y1
        self._archive: pymupdf.Archive | None = None

    def flow_together(self, run: Sequence[Piece], folder: Path) -> None:
        """Lay pieces out as one if the page has room for all of them: each alone costs as much again."""
        if not run:
            return
        story = self._story("\n\n".join(piece.text for piece in run), folder)
        self._find_room(fresh=run[0].fresh)
        more, filled = story.place(self._rest())
        if not more:
            self._draw(story, filled)
            return
        for piece in run:
            self.flow(piece, folder, fresh=False)

    def flow(self, piece: Piece, folder: Path, *, fresh: bool) -> tuple[int, float]:
        """Lay a piece out on what is left of the page, or on the next; give the page it ends on, and where."""
        story = self._story(piece.text, folder)
        self._find_room(fresh=fresh)
        more, filled = story.place(self._rest())
        if more and piece.whole and self._top > self._area.y0:
            story.reset()
            self._turn()
            more, filled = story.place(self._rest())
        self._draw(story, filled)
        while more:
            self._turn()
            more, filled = story.place(self._rest())
            self._draw(story, filled)
        return self.page_num - 1, self._top

    def finish(self, folder: Path) -> pymupdf.Document:
        """End the last page and give the document."""
        if self._device is None:
            self._turn()
        self.writer.end_page()
        written = folder / "pages.pdf"
        self.save(written)
        pdf = pymupdf.open(stream=written.read_bytes())
        written.unlink()
        return pdf

    def _story(self, text: str, folder: Path) -> pymupdf.Story:
        self._archive = self._archive or pymupdf.Archive(str(folder))
        html = self.m_d.render(text)
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

    def _draw(self, story: pymupdf.Story, filled: Sequence[float]) -> None:
        # The library's own: it gathers the bookmarks and where links lead to.
        story.element_positions(self._recorder, {"toc": True, "pdfile": self})
        story.draw(self._device)
        self._top = max(self._top, filled[3])
