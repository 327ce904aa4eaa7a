"""Writes a JSON object a line, one for each message, with everything we know of it."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from exports.records import Transcript


def lines(part: Transcript) -> Iterator[str]:
    """Return the lines of a conversation, or of a part of one."""
    conversation = part.conversation
    head = {
        "conversation": conversation.id,
        "channel": conversation.channel,
        "user": conversation.user,
        "number": conversation.number,
        "title": conversation.title,
        "persona": conversation.persona,
    }
    for message in part.messages:
        said = head | {
            "turn": message.turn,
            "role": message.role,
            "at": moment(message.at),
            "text": message.text,
            "media": [
                {"sha256": media.sha256, "mime": media.mime, "name": media.name, "size": media.size}
                for media in message.media
            ],
            "trace": message.trace,
            "chain": message.chain,
            "revision": message.revision,
            "model": message.model,
            "input_tokens": message.input_tokens,
            "output_tokens": message.output_tokens,
            "milliseconds": message.milliseconds,
            "tools": [asdict(tool) for tool in message.tools],
            "rating": message.rating,
            "note": message.note,
            "ratings": [asdict(each) | {"at": moment(each.at)} for each in message.ratings],
            "cut": message.cut,
            "estimated": message.estimated,
            "spoken": message.spoken,
        }
        yield json.dumps(said, ensure_ascii=False, separators=(",", ":")) + "\n"


def moment(at: float) -> str:
    """Write a time as clocks here show it, with its offset, to the millisecond (RFC 3339)."""
    return datetime.fromtimestamp(at, UTC).astimezone().isoformat(timespec="milliseconds").replace("+00:00", "Z")
