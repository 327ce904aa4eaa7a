"""Writes transcripts as markdown: each message as it was said, kept from swallowing what follows it."""

import re
from collections.abc import Iterator, Sequence

from exports.records import Message, Transcript
from exports.writers.header import document_header, remarks, speaker, stamp, title_of_all
from exports.writers.image_files import file_name
from exports.writers.parsing import parse
from pipeline.text.i18n import Catalogue

_LEVELS = 3
"""How many levels of heading are the document's own."""


# Reading a message costs more than writing it: only one that may need it is read.
_STRUCTURE = re.compile(
    r"^ {0,3}(?:#|```|~~~|=+\s*$|-+\s*$|<(?:script|pre|style|textarea|[!?]))", re.MULTILINE | re.IGNORECASE
)
_CARRIAGE_RETURN = re.compile(r"\r\n?")
# HTML that begins so goes on until its own end, over everything that others have said.
_SWALLOWS = re.compile(r"^( {0,3})<(?=script|pre|style|textarea|[!?])", re.IGNORECASE)


def write(transcripts: Sequence[Transcript], catalogue: Catalogue) -> Iterator[str]:
    """Return the document in pieces; its pictures are in the folder `media` beside it."""
    several = len(transcripts) > 1
    yield f"# {_line(title_of_all([each.conversation for each in transcripts], catalogue))}\n\n"
    for transcript in transcripts:
        about = document_header(transcript.head(), catalogue)
        if several:
            yield f"## {_line(about.title)}\n\n"
        yield "".join(f"- {line}\n" for line in (*about.lines, about.small_print) if line)
        yield "\n"
        for message in transcript.messages:
            yield f"### {_line(speaker(transcript.conversation, message))} · {stamp(message.at)}\n\n"
            yield _said(message, catalogue)


def _said(message: Message, catalogue: Catalogue) -> str:
    text = embedded(message.text)
    if message.role == "human" and "```" not in text:
        # Two spaces keep the line breaks somebody typed.
        text = re.sub(r"(?<=\S)\n(?=\S)", "  \n", text)
    shown = "".join(
        f"![{_line(media.name)}](media/{file_name(media)})\n\n" if file_name(media) else f"📎 {_line(media.name)}\n\n"
        for media in message.media
    )
    if used := remarks(message, catalogue):
        shown += f"`{used.replace('`', chr(39))}`\n\n"
    return f"{text}\n\n{shown}"


def embedded(text: str) -> str:
    """Return a message's markdown fit to stand among others: its headings below ours, its last fence closed.

    What would begin HTML without an end is shown as it was written.
    """
    # The parser counts lines that end so, too.
    text = _CARRIAGE_RETURN.sub("\n", text)
    if not _STRUCTURE.search(text):
        return text.rstrip("\n")
    lines = text.rstrip("\n").split("\n")
    end = ""
    code: set[int] = set()
    for token in parse(text):
        if token.map is None:
            continue
        first, last = token.map[0], token.map[1] - 1
        if token.type == "heading_open" and token.level == 0:
            deeper = "#" * min(6, int(token.tag[1]) + _LEVELS)
            lines[first] = deeper + " " + lines[first].strip().lstrip("#").strip()
            if token.markup in {"=", "-"}:
                lines[last] = ""
        if token.type in {"fence", "code_block"}:
            code.update(range(*token.map))
        if token.type == "fence":
            closed = last > first and lines[min(last, len(lines) - 1)].strip(" >\t").startswith(token.markup)
            end = "" if closed else f"\n{token.markup}"
    shown = (line if place in code else _SWALLOWS.sub(r"\1\<", line) for place, line in enumerate(lines))
    return "\n".join(shown) + end


def _line(text: str) -> str:
    return " ".join(text.split())
