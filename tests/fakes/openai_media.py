"""What the pretend OpenAI server says to those who draw, listen and speak, and how their forms are read."""

import base64
import json
from collections.abc import Mapping
from email import message_from_bytes
from email.message import Message
from typing import Any

from tests.fakes.recordings import picture, tone

RED = picture("PNG", 64, 48, colour="red")
"""The picture it draws."""

HEARD = "今天天气怎么样"
"""What it understands of every recording."""


def drawn(data: bytes = RED) -> bytes:
    """Answer with a picture."""
    return json.dumps({"created": 1, "data": [{"b64_json": base64.b64encode(data).decode()}]}).encode()


def drawn_at(url: str) -> bytes:
    """Answer with a picture's address."""
    return json.dumps({"created": 1, "data": [{"url": url}]}).encode()


def media_answer(path: str) -> tuple[bytes, str] | None:
    """Give what a path answers by itself, with its type; None for one that is not of media."""
    match path.removeprefix("/v1"):
        case "/images/generations":
            return drawn(), "application/json"
        case "/audio/transcriptions":
            return json.dumps({"text": HEARD}).encode(), "application/json"
        case "/audio/speech":
            return tone(1.0), "audio/wav"
        case "/files/red.png":
            return RED, "image/png"
        case _:
            return None


def read_body(content_type: str, body: bytes) -> dict[str, Any]:
    """Read JSON, or a form: its fields as text, its files as `(name, bytes)`."""
    if not content_type.startswith("multipart/form-data"):
        return dict(json.loads(body or b"{}"))
    form = message_from_bytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
    parts: list[Message] = [part for part in form.get_payload() if isinstance(part, Message)]
    return {str(_about(part)["name"]): _value(part) for part in parts}


def _about(part: Message) -> Mapping[str, str]:
    return dict(part.get_params(header="content-disposition") or ())


def _value(part: Message) -> str | tuple[str, bytes]:
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    name = part.get_filename()
    return data.decode() if name is None else (name, data)
