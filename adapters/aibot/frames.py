"""What goes over the bot's connection: JSON frames, read with tolerance and bounds, and those that we send.

A frame with a `cmd` asks; one without answers the frame whose `req_id` it repeats. Control characters inside strings
do occur: what a person typed may hold them (wecom-protocol.md 8).
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FRAME_BYTES = 2 * 1024 * 1024
"""Of a frame we take; WeCom's largest, a chunk of a file, are 700 KB."""

_LONGEST_NAME = 512
_REQ_ID = re.compile(r"[\x21-\x7e]{1,512}")
"""It is sent back as it came, and one that no frame can hold would end the connection."""


class FrameRefused(Exception):
    """A frame that is not what WeCom sends; its words quote nothing of it, so that they can be logged and counted."""


@dataclass(frozen=True, slots=True)
class BotFrame:
    """A frame; `cmd` is empty in an answer, which has an `errcode`."""

    cmd: str
    req_id: str
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    errcode: int = 0
    errmsg: str = ""


def read_frame(data: str | bytes) -> BotFrame:
    """Return what a message of the connection says. Raises `FrameRefused`."""
    if len(data) > FRAME_BYTES:
        raise FrameRefused("a frame that is too large")
    try:
        # Strict would refuse the control characters that people's words carry.
        fields = json.loads(data if isinstance(data, str) else data.decode(), strict=False)
    except (ValueError, RecursionError):
        raise FrameRefused("a frame that is no JSON") from None
    if not isinstance(fields, dict):
        raise FrameRefused("a frame that is no JSON object")
    headers = fields.get("headers")
    req_id = headers.get("req_id") if isinstance(headers, dict) else None
    if not isinstance(req_id, str) or _REQ_ID.fullmatch(req_id) is None:
        raise FrameRefused("a frame without req_id")
    cmd, body = fields.get("cmd", ""), fields.get("body")
    if not isinstance(cmd, str) or len(cmd) > _LONGEST_NAME:
        raise FrameRefused("a frame whose cmd is no word")
    if cmd and body is not None and not isinstance(body, dict):
        raise FrameRefused("a frame whose body is no JSON object")
    body = body if isinstance(body, dict) else {}
    if cmd:
        return BotFrame(cmd, req_id, body)
    return BotFrame("", req_id, body, _errcode(fields.get("errcode")), str(fields.get("errmsg", ""))[:_LONGEST_NAME])


def _errcode(value: object) -> int:
    if isinstance(value, int | str) and not isinstance(value, bool):
        try:
            return int(value)
        except ValueError:
            pass
    raise FrameRefused("an answer without errcode")


def write_frame(cmd: str, req_id: str, body: Mapping[str, Any] | None = None) -> str:
    """Return a frame as it is sent."""
    fields: dict[str, Any] = {"cmd": cmd, "headers": {"req_id": req_id}}
    if body is not None:
        fields["body"] = body
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def new_req_id(cmd: str) -> str:
    """Return an id that no other frame has."""
    return f"{cmd}_{secrets.token_hex(12)}"


def stream_id_of(key: str) -> str:
    """Return the stream of an event's answer: one for one message, so that what is sent again is the same stream's."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


STREAM_ID = re.compile(r"[0-9a-f]{32}")
"""What `stream_id_of` gives."""


def stream_body(stream_id: str, content: str, *, finish: bool, feedback: str = "") -> dict[str, Any]:
    """Return the body of one frame of a stream; `content` is the whole text so far."""
    stream: dict[str, Any] = {"id": stream_id, "finish": finish, "content": content}
    if feedback:
        stream["feedback"] = {"id": feedback}
    return {"msgtype": "stream", "stream": stream}


def markdown_body(text: str, *, feedback: str = "") -> dict[str, Any]:
    """Return the body of a message of its own, without its addressee."""
    message: dict[str, Any] = {"content": text}
    if feedback:
        message["feedback"] = {"id": feedback}
    return {"msgtype": "markdown", "markdown": message}
