"""Writes a row for each message, for spreadsheets: with a mark of UTF-8, and no cell that would be a formula."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TextIO

from exports.records import ConversationInfo, Message, Transcript
from exports.writers.jsonl import moment

if TYPE_CHECKING:
    from _csv import Writer

_COLUMNS: Mapping[str, Callable[[ConversationInfo, Message], str | int]] = {
    "conversation": lambda talk, _: talk.id,
    "channel": lambda talk, _: talk.channel,
    "user": lambda talk, _: talk.user,
    "number": lambda talk, _: talk.number,
    "title": lambda talk, _: talk.title,
    "turn": lambda _, said: said.turn,
    "role": lambda _, said: said.role,
    "at": lambda _, said: moment(said.at),
    "text": lambda _, said: said.text,
    "media": lambda _, said: " ".join(media.name for media in said.media),
    "chain": lambda _, said: said.chain,
    "revision": lambda _, said: said.revision,
    "model": lambda _, said: said.model,
    "input_tokens": lambda _, said: said.input_tokens,
    "output_tokens": lambda _, said: said.output_tokens,
    "milliseconds": lambda _, said: said.milliseconds,
    "cut": lambda _, said: said.cut,
    "estimated": lambda _, said: said.estimated,
    "spoken": lambda _, said: int(said.spoken),
    "tools": lambda _, said: " ".join(tool.name for tool in said.tools),
    "rating": lambda _, said: said.rating,
    "note": lambda _, said: said.note,
    "good": lambda _, said: said.good,
    "bad": lambda _, said: said.bad,
}
# A spreadsheet runs a cell that begins with one of these signs (OWASP, CSV injection), or may do so after dropping
# white space, marks of byte order and characters without width before it.
_FORMULA = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\xad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]*[=+\-@＝＋－＠]|[\t\r]"
)


def head() -> str:
    """Return the first line, after the mark that makes Excel read UTF-8."""
    into = io.StringIO()
    writer(into).writerow(_COLUMNS)
    return f"\ufeff{into.getvalue()}"


def lines(part: Transcript) -> Iterator[str]:
    """Return the rows of a conversation, or of a part of one."""
    into = io.StringIO()
    rows = writer(into)
    for message in part.messages:
        cells = (read(part.conversation, message) for read in _COLUMNS.values())
        rows.writerow(harmless(cell) if isinstance(cell, str) else cell for cell in cells)
        yield into.getvalue()
        into.seek(0)
        into.truncate()


def harmless(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def writer(into: TextIO, *, lineterminator: str = "\r\n") -> "Writer":
    """Return a writer that quotes every cell: where a comma is the decimal point, spreadsheets split at semicolons."""
    return csv.writer(into, quoting=csv.QUOTE_ALL, lineterminator=lineterminator)
