"""Writes a row for each message, for spreadsheets: with a mark of UTF-8, and no cell that would be a formula."""

import csv
import io
from collections.abc import Iterator

from storage.exports.jsonl import moment
from storage.exports.records import Transcript

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
    "tools",
    "rating",
    "note",
)
# A spreadsheet runs a cell that begins with one of these (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def head() -> str:
    """Give the first line, after the mark that makes Excel read UTF-8."""
    return "\ufeff" + ",".join(_COLUMNS) + "\r\n"


def lines(part: Transcript) -> Iterator[str]:
    """Give the rows of a conversation, or of a part of one."""
    talk = part.talk
    into = io.StringIO()
    rows = csv.writer(into)
    for message in part.messages:
        rows.writerow(
            (
                talk.id,
                harmless(talk.channel),
                harmless(talk.user),
                talk.number,
                harmless(talk.title),
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
                harmless(" ".join(tool.name for tool in message.tools)),
                message.rating,
                harmless(message.note),
            )
        )
        yield into.getvalue()
        into.seek(0)
        into.truncate()


def harmless(text: str) -> str:
    """Give a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
