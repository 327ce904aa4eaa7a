"""Renders transcripts with typst: slower and larger than markdown-pdf, and loses nothing.

Whatever people or models wrote reaches typst as strings, never as its markup: there is nothing to inject into.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from importlib.resources import as_file, files

import pymupdf
import typst

from exports.chunks import RenderPart
from exports.pdf.page_images import page_image
from exports.records import ConversationInfo, Message
from exports.writers.blocks import (
    Block,
    Break,
    Coded,
    Display,
    Divider,
    Formula,
    Grid,
    Heading,
    Items,
    Linked,
    Listing,
    Paragraph,
    Pictured,
    Quoted,
    Span,
    Styled,
    TextSpan,
    blocks_of,
    plain,
)
from exports.writers.characters import WIDE, breakable, printable
from exports.writers.header import document_header, remarks, speaker, stamp
from exports.writers.image_files import ImageFolder
from pipeline.replies import StoredMedia
from pipeline.text.i18n import Catalogue as Sentences

_ROW = 1500
"""Characters of a cell, times its columns, that leave a row shorter than a page."""

_EPOCH = 0
"""No time of making: the same part is to give the same bytes."""

_PREAMBLE = """
#set page(paper: "a4", margin: (x: 48pt, top: 44pt, bottom: 52pt))
#set text(size: 10pt, lang: "zh", fill: rgb("#1f2328"),
  font: ((name: "Noto Sans", covers: "latin-in-cjk"), "Noto Sans CJK SC", "Noto Emoji"))
#set par(leading: 0.75em, spacing: 0.9em)
#show raw: set text(size: 8.5pt, font: ("DejaVu Sans Mono", "Noto Sans Mono CJK SC", "Noto Emoji"))
#show raw.where(block: true): it => block(width: 100%, fill: rgb("#f6f8fa"), inset: 6pt, radius: 2pt, it)
#show link: it => underline(text(fill: rgb("#0969da"), it))
#show strong: it => text(fill: rgb("#0a3069"), it)
#show heading: it => block(below: 8pt, text(size: 17pt, weight: "regular", it.body))
#let fact(it) = block(above: 4pt, below: 4pt, text(size: 9pt, fill: rgb("#57606a"), it))
#let small(it) = block(above: 4pt, below: 10pt, text(size: 7.5pt, fill: rgb("#8b949e"), it))
#let who(colour, name, when) = block(above: 14pt, below: 5pt, sticky: true,
  text(size: 9.5pt, weight: "bold", fill: rgb(colour), name) + text(size: 7.5pt, fill: rgb("#8b949e"), when))
#let said(colour, fill, it) = block(width: 100%,
  stroke: (left: 2pt + rgb(colour)), fill: fill, inset: (x: 8pt, y: 4pt), it)
#let head(size, it) = block(above: 9pt, below: 5pt, sticky: true,
  text(size: size, weight: "bold", fill: rgb("#0a3069"), it))
#let formula(it) = text(fill: rgb("#6f42c1"), it)
#let quoted(it) = block(stroke: (left: 2pt + rgb("#d0d7de")),
  inset: (left: 8pt, y: 2pt), text(fill: rgb("#57606a"), it))
#let grid-of(aligned, wide, cut, ..cells) = {
  set text(size: 6.5pt) if wide
  set table.cell(breakable: cut)
  table(columns: aligned.len(), align: aligned, stroke: 0.5pt + rgb("#c4ccd4"),
    inset: if wide { (x: 2pt, y: 3pt) } else { (x: 6pt, y: 4pt) },
    fill: (_, y) => if y == 0 { rgb("#eef1f4") }, ..cells)
}
"""


def render(part: RenderPart, catalogue: Sentences, pictures: ImageFolder) -> pymupdf.Document:
    """Lay the pages out; the same part gives the same bytes. Raises `typst.TypstError`."""
    source = "".join(_document(part, catalogue, pictures))
    with ExitStack() as stack:
        fonts = [
            str(stack.enter_context(as_file(files(package)))) for package in ("noto_cjk_sans_otc", "manimgx_fonts")
        ]
        pdf = typst.compile(  # type: ignore[misc]  # its Input is a text or a path or bytes, and no mixture
            source.encode(),
            root=str(pictures.folder),
            font_paths=fonts,
            ignore_system_fonts=True,
            timestamp=_EPOCH,
            pdf_tags=False,
        )
    return pymupdf.open(stream=pdf)


def _document(part: RenderPart, catalogue: Sentences, pictures: ImageFolder) -> Iterator[str]:
    yield _PREAMBLE
    number = part.first
    for place, (transcript, head) in enumerate(zip(part.transcripts, part.heads, strict=True)):
        if place or not part.goes_on:
            about = document_header(head, catalogue)
            yield "#pagebreak(weak: true)\n" if place else ""
            yield f"#heading({_string(about.title)})\n"
            yield "".join(f"#fact({_string(line)})\n" for line in about.lines)
            yield f"#small({_string(about.small_print)})\n"
        for message in transcript.messages:
            yield _message(transcript.conversation, message, number, catalogue, pictures)
            number += 1


def _message(talk: ConversationInfo, message: Message, number: int, catalogue: Sentences, pictures: ImageFolder) -> str:
    colour, fill = ('"#1a56db"', 'rgb("#eef4ff")') if message.role == "human" else ('"#0f766e"', "none")
    shown = "".join(_picture(media, pictures) for media in message.media)
    if used := remarks(message, catalogue):
        shown += f"#small({_string(used)})\n"
    return (
        f"#who({colour}, {_string(speaker(talk, message))}, {_string(f'  {stamp(message.at)}  #{number}')})\n"
        f"#said({colour}, {fill})[{_blocks(blocks_of(message))}{shown}]\n"
    )


def _picture(media: StoredMedia, pictures: ImageFolder) -> str:
    seen = page_image(media, pictures)
    if seen is None:
        return f"#{_string(f'📎 {media.name}')}\n"
    return f'#image("{seen.name}", width: {seen.width:.2f}pt, height: {seen.height:.2f}pt, fit: "stretch")\n'


def _blocks(blocks: Iterable[Block]) -> str:
    return "\n\n".join(map(_block, blocks))


def _block(block: Block) -> str:  # noqa: PLR0911 (a case each)
    match block:
        case Paragraph(spans):
            return _spans(spans)
        case Heading(level, spans):
            return f"#head({13 - min(level, 4)}pt)[{_spans(spans)}]"
        case Listing(code, language):
            named = f", lang: {_string(language)}" if language else ""
            return f"#raw({_string(code)}, block: true{named})"
        case Display(text):
            return f"#align(center, formula(raw({_string(text)})))"
        case Quoted(inside):
            return f"#quoted[{_blocks(inside)}]"
        case Items(None, items):
            return f"#list({', '.join(f'[{_blocks(item)}]' for item in items)})"
        case Items(start, items):
            return f"#enum(start: {start}, {', '.join(f'[{_blocks(item)}]' for item in items)})"
        case Grid(head, rows, aligned):
            columns = len(head)
            cells = ", ".join(f"[{_spans(cell, columns)}]" for row in rows for cell in row)
            header = ", ".join(f"[#strong[{_spans(cell, columns)}]]" for cell in head)
            # A row goes on on the next page where it must. A head repeated there would stand in the midst of a cell.
            cut = any(len(plain(cell)) * columns > _ROW for row in rows for cell in row)
            return (
                f"#grid-of(({', '.join(aligned)},), {_yes(columns > WIDE)}, {_yes(cut)}, "
                f"table.header(repeat: {_yes(not cut)}, {header}), {cells})"
            )
        case Divider():
            return '#line(length: 100%, stroke: 0.5pt + rgb("#c4ccd4"))'


def _spans(spans: Iterable[Span], columns: int = 1) -> str:
    return "".join(_span(span, columns) for span in spans)


def _span(span: Span, columns: int) -> str:  # noqa: PLR0911 (a case each)
    match span:
        case TextSpan(text):
            return f"#{_string(text, columns)};"
        case Coded(text):
            return f"#raw({_string(text, columns)});"
        case Formula(text):
            return f"#formula(raw({_string(text, columns)}));"
        case Break():
            return "#linebreak();"
        case Styled("strong", inside):
            return f"#strong[{_spans(inside, columns)}];"
        case Styled("em", inside):
            return f"#emph[{_spans(inside, columns)}];"
        case Styled(_, inside):
            return f"#strike[{_spans(inside, columns)}];"
        case Linked("", inside):
            return _spans(inside, columns)
        case Linked(address, inside):
            return f"#link({_quoted(address)})[{_spans(inside, columns)}];"
        case Pictured(""):
            return f"#{_string(span.words, columns)};"
        case Pictured(address):
            return f"#link({_quoted(address)})[#{_string(span.words, columns)}];"


def _yes(it: bool) -> str:  # noqa: FBT001 (what is written down)
    return "true" if it else "false"


def _string(text: str, columns: int = 1) -> str:
    return _quoted(breakable(printable(text), columns))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "")
    return f'"{escaped}"'
