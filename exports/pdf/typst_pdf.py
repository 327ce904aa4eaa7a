"""Renders transcripts with typst."""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

import pymupdf
import typst

from exports.chunks import RenderPart
from exports.pdf.fonts import FONT_FOLDERS
from exports.pdf.page_images import page_image
from exports.pdf.typst_markup import TypstMarkup, directed, string
from exports.records import ConversationInfo, Head, Message
from exports.writers.blocks import blocks_of
from exports.writers.characters import right_to_left
from exports.writers.header import document_header, remarks, speaker, stamp, title, title_of_all
from exports.writers.image_files import ImageFolder
from pipeline.replies import StoredMedia
from pipeline.text.i18n import Catalogue as Sentences

_EPOCH = 0
"""No time of making: the same part is to give the same bytes."""
_SHORT = 600
"""Characters of a question that stays on the page its answer begins on."""
_SHORT_LINES = 16
_RUNNING = 60
"""Characters of a title above a page."""
CONTENTS = "https://page.invalid/"
"""Where a line of the table of contents leads: the place of its conversation follows, until its page is known."""


def render(part: RenderPart, catalogue: Sentences, pictures: ImageFolder) -> bytes:
    """Lay the pages out; the same part gives the same bytes. Raises `typst.TypstError`."""
    try:
        return _compiled("".join(_document(part, catalogue, pictures, TypstMarkup())), pictures)
    except typst.TypstError:
        # What has an error in it, if anything, is a formula.
        return _compiled("".join(_document(part, catalogue, pictures, TypstMarkup(formulas=False))), pictures)


def render_contents(heads: Sequence[Head], begins: Sequence[int], catalogue: Sentences, pictures: ImageFolder) -> bytes:
    """Lay a table of contents out, whose figures are `begins` and the number of its own pages."""
    pages = 0
    while True:
        named = string(title_of_all([head.conversation for head in heads], catalogue))
        lines = (
            f"#line-of-contents({string(title(head.conversation, catalogue))}, "
            f'{string(stamp(head.conversation.started_at))}, "{begin + pages}", "{CONTENTS}{place}")\n'
            for place, (head, begin) in enumerate(zip(heads, begins, strict=True))
        )
        made = _compiled("".join([f"#title({named})\n", *lines]), pictures)
        with pymupdf.open(stream=made) as document:
            if len(document) == pages:
                return made
            pages = len(document)


def _compiled(source: str, pictures: ImageFolder) -> bytes:
    pdf = _compiler().compile(
        (_template() + source).encode(), root=str(pictures.folder), format="pdf", timestamp=_EPOCH, pdf_tags=False
    )
    if not isinstance(pdf, bytes):
        raise TypeError("typst has made no PDF")
    return pdf


@cache
def _template() -> str:
    return files("exports.pdf").joinpath("template.typ").read_text("utf-8")


@cache
def _compiler() -> typst.Compiler:
    fonts = typst.Fonts(include_system_fonts=False, font_paths=list(FONT_FOLDERS))
    return typst.Compiler(b"", font_paths=fonts, ignore_system_fonts=True)


def _document(part: RenderPart, catalogue: Sentences, pictures: ImageFolder, markup: TypstMarkup) -> Iterator[str]:
    number = part.first
    for place, (transcript, head) in enumerate(zip(part.transcripts, part.heads, strict=True)):
        about = document_header(head, catalogue)
        goes_on = not place and part.goes_on
        running = about.title if len(about.title) <= _RUNNING else f"{about.title[:_RUNNING]}…"
        yield f"#conversation({string(running)}, {2 if goes_on else 1}, [\n"
        if not goes_on:
            heading = f"#title({string(about.title)})"
            yield f"{directed(heading, leftward=True) if right_to_left(about.title) else heading}\n"
            yield "".join(f"#fact({string(line)})\n" for line in about.lines)
            yield f"#small({string(about.small_print)})\n" if about.small_print else ""
        for message in transcript.messages:
            yield _message(transcript.conversation, message, number, catalogue, pictures, markup)
            number += 1
        yield "])\n"


def _message(
    conversation: ConversationInfo,
    message: Message,
    number: int,
    catalogue: Sentences,
    pictures: ImageFolder,
    markup: TypstMarkup,
) -> str:
    when = string(f"{stamp(message.at)}  #{number}")
    said = markup.blocks(blocks_of(message))
    shown = "".join(_picture(media, pictures) for media in message.media)
    if used := remarks(message, catalogue):
        shown += f"\n#small({string(used)})\n"
    if message.role == "ai":
        return f"#answer({string(speaker(conversation, message))}, {when})[{said}{shown}]\n"
    short = len(message.text) <= _SHORT and message.text.count("\n") <= _SHORT_LINES and not message.media
    who = string(speaker(conversation, message))
    return f"#question({who}, {when}, {'true' if short else 'false'})[{said}][{shown}]\n"


def _picture(media: StoredMedia, pictures: ImageFolder) -> str:
    seen = page_image(media, pictures)
    if seen is None:
        return f"\n#absent({string(f'📎 {media.name}')})\n"
    return f'\n#picture("{seen.name}", {seen.width:.2f}pt, {seen.height:.2f}pt, {string(media.name)})\n'
