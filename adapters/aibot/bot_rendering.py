"""Turns replies into the parts a bot sends: Markdown as it was written, cut where the client's limit asks for it.

The client shows headings, emphasis, nested lists and quotes, links, tables, code and formulas (wecom-protocol.md 8), so
nothing is laid out anew; what is cut is cut by the application's laws: fences closed and opened again, a table's header
on each piece, at a paragraph rather than a line, a line rather than a sentence.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import structlog

from adapters.aibot.drafts import STREAM_BYTES, escape_thinking
from adapters.aibot.polled_pictures import MOST_PICTURES
from adapters.wecom.rendering.message_splitting import pieces
from adapters.wecom.rendering.rows import Frame, Row, Span
from adapters.wecom.rendering.sanitise import clean
from pipeline.replies import (
    FilePart,
    FileReply,
    ImagePart,
    ImageReply,
    Part,
    Reply,
    Silence,
    TextPart,
    TextReply,
    VoicePart,
    VoiceReply,
)
from pipeline.text.i18n import Catalogue
from pipeline.text.unicode import is_visible

log = structlog.get_logger()

_FENCE = re.compile(r"(?P<indent>\s*(?:>\s?)*\s{0,3})(?P<fence>`{3,48}(?!.*`)|~{3,48}(?!~))")
_SEPARATOR = re.compile(r"\s*+(?:\|\s*+)?:?-{1,200}:?\s*+(?:\|\s*+:?-{1,200}:?\s*+){0,200}\|?\s*+")
MOST_MESSAGES = 2
"""Of an answer that WeCom asks for: the stream, and what is sent to its `response_url`."""
_LONGEST_BLOCK = 400
"""Characters of short lines that are counted as one: a piece is so much shorter at most than it might be."""
_LONGEST_HEADER = 2000
"""Characters of a table's header that each piece repeats."""


def render(replies: Sequence[Reply]) -> tuple[Part, ...]:
    """Return the parts in order; none of the texts is more than one stream or message holds."""
    parts: list[Part] = []
    for reply in replies:
        match reply:
            case TextReply(text):
                parts += _words(text)
            case ImageReply(media, caption):
                parts += [ImagePart(media), *_words(caption)]
            case VoiceReply(media):
                parts.append(VoicePart(media))
            case FileReply(media):
                parts.append(FilePart(media))
            case Silence():
                pass
    return tuple(parts)


def render_polled(replies: Sequence[Reply], catalogue: Catalogue) -> tuple[Part, ...]:
    """Return the parts of an answer that WeCom asks for: pictures, then the words they stand under, then the rest.

    One message may follow the stream, so what is longer is cut and says how the next part is had; for a file stands
    where it can be had.
    """
    pictures: list[Part] = [ImagePart(reply.media) for reply in replies if isinstance(reply, ImageReply)]
    said: list[str] = []
    for reply in replies:
        match reply:
            case TextReply(text):
                said.append(text)
            case ImageReply(caption=caption):
                said.append(caption)
            case VoiceReply(media) | FileReply(media):
                said.append(catalogue.text("aibot.file_elsewhere", name=media.name))
            case Silence():
                pass
    words = _words("\n\n".join(filter(is_visible, said)))
    start = next((reply.start for reply in replies if isinstance(reply, TextReply)), 0)
    if start:
        beyond = next((reply.beyond for reply in replies if isinstance(reply, TextReply)), "")
        words = words[start:] or _words(beyond)
    if pictures and not words:
        words = [TextPart(catalogue.text("aibot.picture"), "markdown")]
    if len(words) > MOST_MESSAGES and isinstance(last := words[MOST_MESSAGES - 1], TextPart):
        below = catalogue.text("aibot.cut", next=start + MOST_MESSAGES)
        words = [*words[: MOST_MESSAGES - 1], TextPart(f"{last.text}\n\n{below}", "markdown")]
    if len(pictures) > MOST_PICTURES:
        log.warning("bot_picture_left_out", reason="too many", pictures=len(pictures))
    return (*pictures[:MOST_PICTURES], *words)


def _words(text: str) -> list[Part]:
    text = escape_thinking(clean(text)).strip("\n")
    if not is_visible(text):
        return []
    if len(text.encode()) <= STREAM_BYTES:
        return [TextPart(text, "markdown")]
    return [TextPart(piece, "markdown") for piece in pieces(_blocks(text), STREAM_BYTES) if is_visible(piece)]


def _blocks(text: str) -> Iterator[Row]:
    """Return the rows of a text, short ones that follow each other as one: an answer may have 100,000 lines."""
    lines: list[str] = []
    first: Row | None = None
    size = 0
    for row in _rows(text):
        line = row.spans[0].text
        if first is not None:
            joins = row.gap is None and row.frame is first.frame and row.whole == first.whole
            if joins and size + len(line) < _LONGEST_BLOCK and bool(lines[0].strip()) == bool(line.strip()):
                lines.append(line)
                size += len(line) + 1
                continue
            yield replace(first, spans=(Span("\n".join(lines)),))
        first, lines, size = row, [line], len(line)
    if first is not None:
        yield replace(first, spans=(Span("\n".join(lines)),))


def _rows(text: str) -> Iterator[Row]:
    """Return the lines of a text as rows; those of a fence or a table have its frame."""
    lines = text.split("\n")
    frame: Frame | None = None
    fence, empty, number = "", False, 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if fence:
            if line.strip(" >").startswith(fence) and not line.strip(" >").strip(fence[0]):
                fence, frame = "", None
            else:
                yield _row(line, empty=empty, frame=frame)
                empty = False
            continue
        if not line.strip():
            empty, frame = True, None
            continue
        found = _FENCE.match(line)
        if found is not None:
            fence, frame = found["fence"], Frame(line, found["indent"] + found["fence"])
            if number == len(lines) or lines[number].strip(" >").startswith(fence):
                yield Row((Span(line),), gap="" if empty else None, verbatim=True)
                fence, frame, empty = "", None, False
            continue
        if _is_table(lines, number - 1) and frame is None:
            frame = Frame(f"{line}\n{lines[number]}")
            number += 1
            if not _goes_on(lines, number):
                yield Row((Span(frame.above),), gap="" if empty else None, verbatim=True, whole=True)
                frame, empty = None, False
            continue
        if frame is not None and "|" not in line:
            frame = None
        yield _row(line, empty=empty, frame=frame)
        empty = False


def _row(line: str, *, empty: bool, frame: Frame | None) -> Row:
    return Row((Span(line),), gap="" if empty else None, frame=frame, whole=frame is not None, verbatim=True)


def _is_table(lines: Sequence[str], number: int) -> bool:
    header = lines[number]
    return (
        "|" in header
        and len(header) <= _LONGEST_HEADER
        and number + 1 < len(lines)
        and len(lines[number + 1]) <= _LONGEST_HEADER
        and "|" in lines[number + 1]
        and _SEPARATOR.fullmatch(lines[number + 1]) is not None
    )


def _goes_on(lines: Sequence[str], number: int) -> bool:
    return number < len(lines) and "|" in lines[number]
