"""Renders transcripts with markdown-pdf, the second engine: the HTML of an export, laid out by MuPDF.

MuPDF drops what follows a table that meets the end of a page, and now and then skips a page of a long text. So each
table, and what is between two of them, is laid out alone. It cuts lines it cannot break, so each can be broken; its
own emoji are black, so they come from a font.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from html import escape
from itertools import groupby
from typing import Any

import pymupdf
from markdown_pdf import MarkdownPdf

from exports.chunks import RenderPart
from exports.pdf.fonts import EMOJI_FOLDER, EMOJI_FONT, shown_by_mupdf
from exports.pdf.page_images import page_image
from exports.pdf.verify import missing_messages
from exports.records import Head, Message
from exports.writers.blocks import Block, Grid, Items, Quoted, are_tasks, blocks_of, runs_right_to_left
from exports.writers.characters import EMOJI, breakable, printable
from exports.writers.header import document_header, remarks, speaker, stamp
from exports.writers.html_blocks import HtmlMarkup
from exports.writers.image_files import ImageFolder
from pipeline.replies import StoredMedia
from pipeline.text.i18n import Catalogue

_PAPER = pymupdf.paper_rect("A4")
_AREA = pymupdf.Rect(48, 48, _PAPER.x1 - 48, _PAPER.y1 - 52)
_LEAST = 60
"""Points a message must find at the foot of a page to begin there; a page with less on it has got nowhere."""
_ROWS = 12
"""Rows of a table that stay together."""
_ROUNDS = 3
_WIDE = 6
"""Columns beyond which a table is set smaller."""

_STYLE = """
body { margin: 0; font-family: sans-serif; font-size: 10pt; line-height: 1.5; color: #1f2328 }
h1 { font-size: 17pt; line-height: 1.3; margin: 0 0 6pt 0 }
p { margin: 3pt 0 }
.facts { color: #57606a; font-size: 9pt; margin: 1pt 0 }
.small { color: #8b949e; font-size: 7.5pt; margin: 1pt 0 8pt 0 }
.who { font-weight: bold; font-size: 9.5pt; margin: 9pt 0 3pt 0; color: #0f766e }
.human .who { color: #1a56db }
.when { font-weight: normal; font-size: 7.5pt; color: #8b949e }
.human .said { background-color: #eef4ff; padding: 3pt 8pt; border-left: 2pt solid #1a56db }
.ai .said { padding: 0 8pt; border-left: 2pt solid #0f766e }
.h1, .h2, .h3 { font-weight: bold; font-size: 12pt; margin: 7pt 0 3pt 0; color: #0a3069 }
.h4, .h5, .h6 { font-weight: bold; margin: 5pt 0 2pt 0; color: #0a3069 }
strong { color: #0a3069 }
pre { font-family: monospace; font-size: 8.5pt; line-height: 1.45; background-color: #f6f8fa; padding: 5pt 7pt;
  margin: 4pt 0; white-space: pre-wrap }
code { font-family: monospace; font-size: 9pt; background-color: #f0f2f5 }
pre code { font-size: 8.5pt; background-color: #f6f8fa }
.formula { font-family: monospace; font-size: 9pt; color: #6f42c1 }
p.formula { margin: 5pt 0; text-align: center }
blockquote { margin: 4pt 0 4pt 6pt; padding-left: 8pt; border-left: 2pt solid #d0d7de; color: #57606a }
blockquote.leftward { margin: 4pt 6pt 4pt 0; padding: 0 8pt 0 0; border-left: none; border-right: 2pt solid #d0d7de }
ul, ol { margin: 2pt 0 2pt 0; padding-left: 20pt }
ul.tasks { list-style-type: none; padding-left: 4pt }
li { margin: 1pt 0 }
div.leftward { margin: 1pt 14pt 1pt 0 }
table { margin: 4pt 0; border-collapse: collapse }
th, td { border: 0.5pt solid #c4ccd4; padding: 2pt 6pt; font-size: 9pt }
th { background-color: #eef1f4 }
.wide th, .wide td { padding: 2pt; font-size: 6.5pt }
a { color: #0969da; text-decoration: underline }
s { text-decoration: line-through }
.note { font-size: 8.5pt; color: #57606a }
.rule { margin: 6pt 60pt; border-top: 0.5pt solid #c4ccd4; font-size: 2pt }
"""
_EMOJI = '<span class="e">'
_EMOJI_STYLE = f'@font-face {{ font-family: emoji; src: url("{EMOJI_FONT}") }} .e {{ font-family: emoji }}'


class Stuck(Exception):
    """A row of a table is higher than a page: MuPDF would turn pages for ever and never set it."""


def render(part: RenderPart, catalogue: Catalogue, pictures: ImageFolder) -> bytes:
    """Lay the pages out, and again where a message got lost, which the end of a page is to blame for.

    Raises what markdown-pdf raises, and `Stuck`.
    """
    fresh: set[int] = set()
    for _ in range(_ROUNDS):
        with _laid_out(part, catalogue, pictures, fresh) as pages:
            missing = set(missing_messages(pages, part, engine_shows=shown_by_mupdf))
            pages.subset_fonts()
            data: bytes = pages.tobytes(garbage=3, deflate=True)
        if missing <= fresh:
            break
        # What got lost begins a page next time, and so meets its end elsewhere or not at all.
        fresh |= missing
    return data


def _laid_out(
    part: RenderPart, catalogue: Catalogue, pictures: ImageFolder, fresh: AbstractSet[int]
) -> pymupdf.Document:
    made = _FlowingPdf(pictures)
    number = part.first
    for place, (transcript, head) in enumerate(zip(part.transcripts, part.heads, strict=True)):
        if place or not part.goes_on:
            made.turn()
            made.flow(_head(head, catalogue))
        for message in transcript.messages:
            if number in fresh:
                made.turn()
            who = _MARKUP.words(speaker(transcript.conversation, message))
            header = f'<p class="who">{who}<span class="when">  {stamp(message.at)}  #{number}</span></p>'
            for html, whole in _said(message, catalogue, pictures):
                said = f'<div class="said" dir="auto">{html}</div>'
                made.flow(f'<div class="{message.role}">{header}{said}</div>', whole=whole)
                header = ""
            number += 1
    return made.finish()


class _FlowingPdf(MarkdownPdf):
    """Lays one section out behind the other on the same page, where the library begins a page for each."""

    def __init__(self, pictures: ImageFolder) -> None:
        super().__init__(toc_level=1)
        self._device: Any = None
        self._top = _AREA.y1
        self._archive = pymupdf.Archive(str(pictures.folder))
        self._archive.add(EMOJI_FOLDER)

    def turn(self) -> None:
        """Begin a page."""
        if self._device is not None:
            self.writer.end_page()
        self.page_num += 1
        self._device = self.writer.begin_page(_PAPER)
        self._top = _AREA.y0

    def flow(self, html: str, *, whole: bool = False) -> None:
        """Lay a piece out on what is left of the page, or on the next; what is `whole` is not broken if it can be."""
        # Loading the font for a piece without emoji would cost more than its text.
        style = _STYLE + (_EMOJI_STYLE if _EMOJI in html else "")
        story = pymupdf.Story(html=html, archive=self._archive, user_css=style)
        if _AREA.y1 - self._top < _LEAST:
            self.turn()
        more, filled = story.place(self._rest())
        if more and whole and self._top > _AREA.y0:
            story.reset()
            self.turn()
            more, filled = story.place(self._rest())
        self._draw(story, filled)
        empty = 0
        while more:
            self.turn()
            more, filled = story.place(self._rest())
            self._draw(story, filled)
            empty = empty + 1 if filled[3] - _AREA.y0 < _LEAST else 0
            if more and empty > 1:
                raise Stuck

    def finish(self) -> pymupdf.Document:
        """End the last page and give the document."""
        if self._device is None:
            self.turn()
        self.writer.end_page()
        # The library's `save` would write it for nothing: this is what is read back, and saved in the end.
        return self._make_doc()  # type: ignore[no-untyped-call]  # the library's

    def _rest(self) -> pymupdf.Rect:
        return pymupdf.Rect(_AREA.x0, self._top, _AREA.x1, _AREA.y1)

    def _draw(self, story: pymupdf.Story, filled: Sequence[float]) -> None:
        # The library's own: it gathers the bookmarks and where links lead to.
        story.element_positions(self._recorder, {"toc": True, "pdfile": self})
        story.draw(self._device)
        self._top = max(self._top, filled[3])


class PdfMarkup(HtmlMarkup):
    """The HTML of an export as MuPDF can show it; `columns` are those of the table that words stand in."""

    def __init__(self, columns: int = 1) -> None:
        self._columns = columns

    def words(self, text: str) -> str:
        """Write characters, emoji in their own font."""
        return str(EMOJI.sub(lambda run: f"{_EMOJI}{run[0]}</span>", _escaped(text, self._columns)))

    def in_columns(self, columns: int) -> HtmlMarkup:
        """Allow longer words of a table to be broken: what does not fit would leave the page."""
        return PdfMarkup(columns)

    def block(self, block: Block) -> str:
        """Write a block; what runs from right to left needs help, for MuPDF turns the words round and nothing else."""
        if not runs_right_to_left(block):
            return super().block(block)
        match block:
            case Items(start, items) if start is not None or not are_tasks(items):
                signs = ("•" if start is None else f"{start + place}." for place in range(len(items)))
                return "".join(
                    f'<div class="leftward" dir="rtl">{sign} {self.item(item)}</div>'
                    for sign, item in zip(signs, items, strict=True)
                )
            case Grid(head, rows, aligned):
                return super().block(Grid(head[::-1], tuple(row[::-1] for row in rows), aligned[::-1]))
            case Quoted(inside):
                return f'<blockquote class="leftward" dir="rtl">{self.blocks(inside)}</blockquote>'
            case _:
                return super().block(block)

    def grid(self, grid: Grid) -> str:
        """Write a table, one of many columns in small letters."""
        table = super().grid(grid)
        return f'<div class="wide">{table}</div>' if len(grid.head) > _WIDE else table

    def divider(self) -> str:
        """Draw a line across."""
        return '<p class="rule"> </p>'

    def listing(self, code: str, language: str) -> str:  # noqa: ARG002 (in one colour: each span costs a line's time)
        """Write lines of code."""
        return f"<pre><code>{_escaped(code, 0).replace(chr(10), '<br/>')}</code></pre>"

    def formula(self, text: str, tex: str, *, display: bool) -> str:  # noqa: ARG002 (MuPDF sets no MathML)
        """Write a formula as it was written."""
        return super().formula(text, "", display=display)


_MARKUP = PdfMarkup()


def _escaped(text: str, columns: int) -> str:
    # MuPDF takes `&amp;lt;` for `&lt;` and reads that again.
    return escape(breakable(shown_by_mupdf(printable(text)), columns), quote=False).replace("&amp;", "&amp;amp;")


def _head(head: Head, catalogue: Catalogue) -> str:
    about = document_header(head, catalogue)
    lines = "".join(f'<p class="facts">{_MARKUP.words(line)}</p>' for line in about.lines)
    title = f'<h1 dir="auto">{_MARKUP.words(about.title)}</h1>'
    return f'<div>{title}{lines}<p class="small">{_MARKUP.words(about.small_print)}</p></div>'


def _said(message: Message, catalogue: Catalogue, pictures: ImageFolder) -> Iterator[tuple[str, bool]]:
    """Return a message in pieces, and whether each is to stay whole: a table, a picture."""
    blocks = list(_cut(blocks_of(message)))
    for table, run in groupby(blocks, lambda block: id(block) if isinstance(block, Grid) else None):
        yield _MARKUP.blocks(run), table is not None
    yield from ((_picture(media, pictures), True) for media in message.media)
    used = remarks(message, catalogue)
    # What was only white space still has its header.
    if used or not (blocks or message.media):
        yield f'<p class="small">{_MARKUP.words(used)}</p>', False


def _cut(blocks: Iterable[Block]) -> Iterator[Block]:
    """Cut tables that may not fit on a page, their heads above each part."""
    for block in blocks:
        match block:
            case Grid(head, rows, aligned) if len(rows) > _ROWS:
                for first in range(0, len(rows), _ROWS):
                    yield Grid(head, rows[first : first + _ROWS], aligned)
            case _:
                yield block


def _picture(media: StoredMedia, pictures: ImageFolder) -> str:
    seen = page_image(media, pictures)
    if seen is None:
        return f"<p>{_MARKUP.words(f'📎 {media.name}')}</p>"
    image = f'<img src="{seen.name}" style="width:{seen.width:.2f}pt;height:{seen.height:.2f}pt"/>'
    return f'<p>{image}</p><p class="small">{_MARKUP.words(media.name)}</p>'
