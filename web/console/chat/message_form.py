"""Reads from a form of the chat page what a member says or presses, and what it quotes."""

from collections.abc import Mapping

from litestar.exceptions import HTTPException

from adapters.simulator.platform.timeline import Delivered, Entry
from pipeline.events import Clicked, Content, Entered, Feedback, File, Image, Link, Location, Text, Video, Viewed, Voice
from web.console.chat.session import ConsoleSession
from web.console.request_models import whole_number

_JUDGEMENTS = {"good": True, "bad": False, "": None}


def said_content(fields: Mapping[str, str]) -> Content:
    """Return what a member did; a 400 for what nobody can have done."""
    try:
        return _read(fields)
    except (KeyError, ValueError):
        raise HTTPException(status_code=400, detail="console.bad_form") from None


def quoted_content(room: ConsoleSession, fields: Mapping[str, str]) -> Content | None:
    """Return the message whose number the form quotes, as WeCom hands it on; None for no quote, or one that is gone."""
    number = whole_number(fields.get("quote", ""))
    if number is None:
        return None
    return next((_quotable(entry) for entry in room.phone.entries(number - 1) if entry.number == number), None)


def _quotable(entry: Entry) -> Content | None:
    if isinstance(entry, Delivered):
        match entry.media:
            case None:
                return Text(entry.text)
            case label:
                return _file(label.type, label.media_id, label.name)
    match entry.content:
        case Text() | Image() | Video() | File() | Voice():
            return entry.content
        case _:
            return None


def _file(kind: str, media_id: str, name: str) -> Content:
    match kind:
        case "image":
            return Image(media_id)
        case "video":
            return Video(media_id)
        case _:
            return File(media_id, name)


def _read(fields: Mapping[str, str]) -> Content:
    match fields.get("kind"):
        case "text":
            return Text(_filled(fields, "text"))
        case "enter":
            return Entered()
        case _:
            return _read_pressed_or_shared(fields)


def _read_pressed_or_shared(fields: Mapping[str, str]) -> Content:
    match fields.get("kind"):
        case "click":
            return Clicked(_filled(fields, "key"))
        case "view":
            return Viewed(_filled(fields, "url"))
        case "feedback":
            return Feedback(_filled(fields, "answer"), _JUDGEMENTS[fields.get("judgement", "")], fields.get("why", ""))
        case "location":
            return Location(
                _degrees(fields["latitude"], 90.0), _degrees(fields["longitude"], 180.0), fields.get("label", "")
            )
        case "link":
            return Link(_filled(fields, "title"), fields.get("description", ""), _filled(fields, "url"))
        case _:
            raise ValueError("there is nothing of that kind")


def _degrees(value: str, most: float) -> float:
    degrees = float(value)
    if not -most <= degrees <= most:
        raise ValueError(f"{value!r} is beyond {most:g} degrees")
    return degrees


def _filled(fields: Mapping[str, str], name: str) -> str:
    value = fields[name]
    if not value.strip():
        raise ValueError(name)
    # A form has the line ends of an old teletype.
    return value.replace("\r\n", "\n")
