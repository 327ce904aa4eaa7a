"""Reads the script of a simulated conversation: one message a line, `#` for a comment, JSON for what is no text."""

import json
import mimetypes
from base64 import b64encode
from pathlib import Path
from typing import Any

from pipeline.errors import WebotError
from pipeline.events import Clicked, Entered, Link, Location, Text
from web.simulate.player import Act, Do, Send, Wait

_KINDS = "text, click, enter, wait, image, voice, file, location, link"


class ScriptInvalid(WebotError):
    """A script that cannot be played; the message names the line and what would be right."""


def read_script(path: Path) -> tuple[Act, ...]:
    """Read a script; the files it names are looked for beside it. Raises `ScriptInvalid`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptInvalid(f"{path}: {error}") from None
    acts: list[Act] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        if not line.lstrip().startswith("{"):
            acts.append(Do(content=Text(line)))
            continue
        try:
            acts.append(_act(json.loads(line), path.parent))
        except (ValueError, TypeError, OSError) as error:
            raise ScriptInvalid(f"{path}, line {number}: {error}") from None
    if not any(isinstance(act, Do | Send) for act in acts):
        raise ScriptInvalid(f"{path}: there is nothing in it that could be said")
    return tuple(acts)


def _act(fields: dict[str, Any], folder: Path) -> Act:
    if len(fields) != 1:
        raise ValueError(f"expected one of {_KINDS}, found {', '.join(fields) or 'nothing'}")
    ((kind, value),) = fields.items()
    match kind, value:
        case "text", str():
            act: Act = Do(content=Text(value))
        case "click", str():
            act = Do(content=Clicked(value))
        case "enter", True:
            act = Do(content=Entered())
        case "wait", int() | float() if value >= 0:
            act = Wait(seconds=value)
        case ("image" | "voice" | "file") as sort, str():
            act = _file(sort, folder / value)
        case "location", [int() | float() as north, int() | float() as east, *label]:
            act = Do(content=Location(north, east, " ".join(map(str, label))))
        case "link", [str() as title, str() as url, *description]:
            act = Do(content=Link(title, " ".join(map(str, description)), url))
        case _:
            raise ValueError(f"{kind!r}: found {value!r}; expected one of {_KINDS} with what belongs to it")
    return act


def _file(sort: str, path: Path) -> Send:
    data = path.read_bytes()
    if sort == "image" and mimetypes.guess_type(path.name)[0] not in {"image/jpeg", "image/png", "image/gif"}:
        raise ValueError(f"{path.name}: WeCom sends pictures as .jpg, .png or .gif; use file for anything else")
    # In base64, as the plan travels.
    return Send.model_validate({"type": sort, "name": path.name, "data": b64encode(data)})
