"""Writes a row for each message, for spreadsheets: with a mark of UTF-8, and no cell that would be a formula."""

import csv
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from exports.records import Transcript
from exports.writers.jsonl import moment

if TYPE_CHECKING:
    from _csv import Writer

_COLUMNS = (
    "conversation",
    "channel",
    "user",
    "number",
    "title",
    "turn",
    "role",
    "at",
    "text",
    "media",
    "chain",
    "revision",
    "model",
    "input_tokens",
    "output_tokens",
    "milliseconds",
    "cut",
    "estimated",
    "spoken",
    "tools",
    "rating",
    "note",
)
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
    conversation = part.conversation
    into = io.StringIO()
    rows = writer(into)
    for message in part.messages:
        rows.writerow(
            (
                conversation.id,
                harmless(conversation.channel),
                harmless(conversation.user),
                conversation.number,
                harmless(conversation.title),
                message.turn,
                message.role,
                moment(message.at),
                harmless(message.text),
                harmless(" ".join(media.name for media in message.media)),
                harmless(message.chain),
                harmless(message.revision),
                harmless(message.model),
                message.input_tokens,
                message.output_tokens,
                message.milliseconds,
                message.cut,
                message.estimated,
                int(message.spoken),
                harmless(" ".join(tool.name for tool in message.tools)),
                message.rating,
                harmless(message.note),
            )
        )
        yield into.getvalue()
        into.seek(0)
        into.truncate()


def harmless(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def writer(into: TextIO, *, lineterminator: str = "\r\n") -> "Writer":
    """Return a writer that quotes every cell: where a comma is the decimal point, spreadsheets split at semicolons."""
    return csv.writer(into, quoting=csv.QUOTE_ALL, lineterminator=lineterminator)
