"""Prepares transcripts for markdown-pdf: markdown in pieces that MuPDF lays out without losing any of them.

What MuPDF's layout cannot do is not asked of it. It drops what follows a table that meets the end of a page, so a
table is a piece of its own that is never broken; now and then it skips a page of a long text, so each message is a
piece of its own, too; it cuts lines it cannot break, so each can be broken; its own emoji are black, so they come
from a font.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby

from exports.chunks import RenderPart
from exports.pdf.fonts import EMOJI_FONT, shown_by_mupdf
from exports.pdf.page_images import page_image
from exports.records import ConversationInfo, Head, Message
from exports.writers.blocks import Block, Grid, Items, blocks_of, runs_right_to_left
from exports.writers.characters import EMOJI, breakable, printable
from exports.writers.header import document_header, remarks, speaker, stamp
from exports.writers.html_blocks import HtmlMarkup
from exports.writers.image_files import ImageFolder
from pipeline.replies import StoredMedia
from pipeline.text.i18n import Catalogue as Sentences

EMOJI_MARK = '<span class="e">'
"""What a piece that needs the font has in it: loading the font for each piece would cost more than the text."""

STYLE = """
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
ul, ol { margin: 2pt 0 2pt 0; padding-left: 20pt }
li { margin: 1pt 0 }
.leftward { margin: 1pt 14pt 1pt 0 }
table { margin: 4pt 0; border-collapse: collapse }
th, td { border: 0.5pt solid #c4ccd4; padding: 2pt 6pt; font-size: 9pt }
th { background-color: #eef1f4 }
.wide th, .wide td { padding: 2pt; font-size: 6.5pt }
a { color: #0969da; text-decoration: underline }
s { text-decoration: line-through }
.note { font-size: 8.5pt; color: #57606a }
.rule { margin: 6pt 60pt; border-top: 0.5pt solid #c4ccd4; font-size: 2pt }
"""
_EMOJI = f"""@font-face {{ font-family: emoji; src: url("{EMOJI_FONT}") }}
.e {{ font-family: emoji }}
"""

_WIDE = 6
"""Columns beyond which a table is set smaller."""
_ROWS = 12
"""Rows of a table that stay together."""


def style(html: str) -> str:
    """Return the style sheet of a piece: what it does not need would cost more than its text."""
    return STYLE + (_EMOJI if EMOJI_MARK in html else "")


@dataclass(frozen=True, slots=True)
class HtmlPiece:
    """A piece of markdown: one block of HTML in one line.

    `message` is its message's number, 0 for what is no message; `fresh` begins a page; `whole` is never broken.
    """

    text: str
    message: int = 0
    fresh: bool = False
    whole: bool = False


def pieces(part: RenderPart, catalogue: Sentences, pictures: ImageFolder) -> Iterator[HtmlPiece]:
    """Return the pieces in their order."""
    number = part.first
    for place, (transcript, head) in enumerate(zip(part.transcripts, part.heads, strict=True)):
        if place or not part.goes_on:
            yield HtmlPiece(_head(head, catalogue), fresh=True)
        for message in transcript.messages:
            yield from _message(transcript.conversation, message, number, catalogue, pictures)
            number += 1


class PdfMarkup(HtmlMarkup):
    """HTML for MuPDF, without an empty line, so that markdown takes a message for one block."""

    def __init__(self, columns: int = 1) -> None:
        self._columns = columns

    def words(self, text: str) -> str:
        """Write characters, emoji in their own font."""
        text = breakable(shown_by_mupdf(printable(text)), self._columns)
        parts: list[str] = []
        end = 0
        for found in EMOJI.finditer(text):
            parts += [escape(text[end : found.start()], quote=False), f"{EMOJI_MARK}{found[0]}</span>"]
            end = found.end()
        return _read_twice("".join([*parts, escape(text[end:], quote=False)])).replace("\n", " ")

    def in_columns(self, columns: int) -> HtmlMarkup:
        """Allow longer words of a table to be broken: what does not fit would leave the page."""
        return PdfMarkup(columns)

    def grid(self, grid: Grid) -> str:
        """Write a table, one of many columns in small letters."""
        table = super().grid(grid)
        return f'<div class="wide">{table}</div>' if len(grid.head) > _WIDE else table

    def items(self, start: int | None, items: tuple[tuple[Block, ...], ...]) -> str:
        """Write a list; MuPDF sets the signs of one from right to left at the left, so they are words there."""
        if not runs_right_to_left(Items(start, items)):
            return super().items(start, items)
        signs = ("•" if start is None else f"{start + place}." for place in range(len(items)))
        return "".join(
            f'<div class="leftward" dir="rtl">{sign} {self.item(item)}</div>'
            for sign, item in zip(signs, items, strict=True)
        )

    def divider(self) -> str:
        """Draw a line across."""
        return '<p class="rule"> </p>'

    def listing(self, code: str, language: str) -> str:  # noqa: ARG002 (in one colour: each span costs a line's time)
        """Write lines of code."""
        lines = _read_twice(escape(breakable(shown_by_mupdf(printable(code)), 0), quote=False))
        return f"<pre><code>{lines.replace(chr(10), '<br/>')}</code></pre>"

    def formula(self, text: str, tex: str, *, display: bool) -> str:  # noqa: ARG002 (nothing here can set it)
        """Write a formula as it was written."""
        words = self.lines(text)
        return f'<p class="formula">{words}</p>' if display else f'<span class="formula">{words}</span>'


def _read_twice(html: str) -> str:
    """Write each & so that it survives MuPDF, which takes `&amp;lt;` for `&lt;` and reads that again."""
    return html.replace("&amp;", "&amp;amp;")


def _head(head: Head, catalogue: Sentences) -> str:
    paper, about = PdfMarkup(), document_header(head, catalogue)
    lines = "".join(f'<p class="facts">{paper.words(line)}</p>' for line in about.lines)
    title = f'<h1 dir="auto">{paper.words(about.title)}</h1>'
    return f'<div>{title}{lines}<p class="small">{paper.words(about.small_print)}</p></div>'


def _message(
    conversation: ConversationInfo, message: Message, number: int, catalogue: Sentences, pictures: ImageFolder
) -> Iterator[HtmlPiece]:
    paper = PdfMarkup()
    who = (
        f'<p class="who">{paper.words(speaker(conversation, message))}'
        f'<span class="when">  {stamp(message.at)}  #{number}</span></p>'
    )
    said: list[tuple[str, bool]] = [
        (piece, whole)
        for whole, run in groupby(_cut(blocks_of(message)), _is_table)
        for piece in _html_of(run, paper, whole)
    ]
    said += [(_picture(media, pictures, paper), True) for media in message.media]
    if used := remarks(message, catalogue):
        said.append((f'<p class="small">{paper.words(used)}</p>', False))
    for place, (html, whole) in enumerate(said or [("<p></p>", False)]):
        head = "" if place else who
        yield HtmlPiece(
            f'<div class="{message.role}">{head}<div class="said" dir="auto">{html}</div></div>', number, whole=whole
        )


def _html_of(run: Iterable[Block], paper: PdfMarkup, whole: bool) -> Iterator[str]:  # noqa: FBT001 (what groupby found)
    """Write each table alone, and what is between tables together."""
    if whole:
        yield from map(paper.block, run)
    else:
        yield paper.blocks(run)


def _is_table(block: Block) -> bool:
    return isinstance(block, Grid)


def _cut(blocks: Iterable[Block]) -> Iterator[Block]:
    """Cut tables that may not fit on a page, their heads above each part."""
    for block in blocks:
        match block:
            case Grid(head, rows, aligned) if len(rows) > _ROWS:
                for first in range(0, len(rows), _ROWS):
                    yield Grid(head, rows[first : first + _ROWS], aligned)
            case _:
                yield block


def _picture(media: StoredMedia, pictures: ImageFolder, paper: PdfMarkup) -> str:
    seen = page_image(media, pictures)
    if seen is None:
        return f"<p>{paper.words(f'📎 {media.name}')}</p>"
    image = f'<img src="{seen.name}" style="width:{seen.width:.2f}pt;height:{seen.height:.2f}pt"/>'
    return f'<p>{image}</p><p class="small">{paper.words(media.name)}</p>'
