"""Reads the script of a simulated conversation: one message a line, `#` for a comment, JSON for what is no text."""

import json
import mimetypes
from base64 import b64encode
from pathlib import Path
from typing import Any

from pipeline.errors import WebotError
from pipeline.events import Clicked, Entered, Link, Location, Text
from pipeline.text.i18n import Sentence, os_reason
from web.simulate.player import Act, Do, Send, Wait

_KINDS = "text, click, enter, wait, image, voice, file, location, link"


class ScriptInvalid(WebotError):
    """A script that cannot be played; the message names the line and what would be right."""


def read_script(path: Path) -> tuple[Act, ...]:
    """Read a script; the files it names are looked for beside it. Raises `ScriptInvalid`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise _bad(path, "script_not_utf8") from None
    except OSError as error:
        raise ScriptInvalid(Sentence("shell.script_bad", file=str(path), said=os_reason(error))) from None
    acts: list[Act] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        if not line.lstrip().startswith("{"):
            acts.append(Do(content=Text(line)))
            continue
        try:
            acts.append(_act(line, path.parent))
        except ScriptInvalid as error:
            said = Sentence("shell.script_line", file=str(path), number=number, said=error.args[0])
            raise ScriptInvalid(said) from None
    if not any(isinstance(act, Do | Send) for act in acts):
        raise _bad(path, "script_empty")
    return tuple(acts)


def _bad(path: Path, key: str) -> ScriptInvalid:
    return ScriptInvalid(Sentence("shell.script_bad", file=str(path), said=Sentence(f"shell.{key}")))


def _act(line: str, folder: Path) -> Act:
    try:
        fields: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ScriptInvalid(Sentence("shell.script_no_json", said=str(error))) from None
    if len(fields) != 1:
        found = ", ".join(fields) or Sentence("shell.script_nothing")
        raise ScriptInvalid(Sentence("shell.script_one_kind", found=found, kinds=_KINDS))
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
            raise ScriptInvalid(Sentence("shell.script_value", kind=kind, value=json.dumps(value), kinds=_KINDS))
    return act


def _file(sort: str, path: Path) -> Send:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ScriptInvalid(Sentence("shell.script_bad", file=path.name, said=os_reason(error))) from None
    if sort == "image" and mimetypes.guess_type(path.name)[0] not in {"image/jpeg", "image/png", "image/gif"}:
        raise ScriptInvalid(Sentence("shell.script_picture", file=path.name))
    # In base64, as the plan travels.
    return Send.model_validate({"type": sort, "name": path.name, "data": b64encode(data)})
