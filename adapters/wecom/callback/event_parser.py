"""A decrypted message of a self-built application, read into an event. Pure: the same fields give the same event.

What a message or event may hold is in wecom-protocol.md 3. Who it is from, when, and under which number must be
readable, or there is no event; content that is odd becomes a message or an event without a word of its own.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from adapters.wecom.callback.crypto import BAD_PLAINTEXT, NOT_FOR_US
from adapters.wecom.callback.xml import Fields, legal_text
from pipeline.errors import BadCallback
from pipeline.events import (
    CardActed,
    Clicked,
    Content,
    Entered,
    File,
    Image,
    InboundEvent,
    Link,
    Location,
    Person,
    PlatformNotice,
    Position,
    Scanned,
    Subscribed,
    Text,
    UnknownEvent,
    UnknownMessage,
    Unsubscribed,
    Video,
    Viewed,
    Voice,
)

PLATFORM = "sys"
"""Who an event is from that no person caused; WeCom's own name for it."""

SUSPENSION_WARNINGS = frozenset({"inactive_alert", "low_active_alert", "low_active", "close_inactive_agent"})
"""Notices after which WeCom takes the app's API away unless somebody acts."""

_NOTICES = SUSPENSION_WARNINGS | {
    "active_restored",
    "batch_job_result",
    "change_contact",
    "kf_msg_or_event",
    "open_approval_change",
    "reopen_inactive_agent",
    "share_agent_change",
    "share_chain_change",
}
_KEY_LIMIT = 255
_DIGEST = 32
_NAME_LIMIT = 64
_USER = re.compile(r"[^\s|/@][^\s|/]{0,127}")
_WHOLE = re.compile(r"[0-9]{1,19}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,30})?")
_UNTIL_2286 = range(1, 10_000_000_000)


class InvalidField(Exception):
    """A field is missing, repeated, or not what its name says."""


def read_event(fields: Fields, *, channel: str, corp_id: str, agent_id: int) -> InboundEvent:
    """Make the event of one message sent to our app.

    Raises `BadCallback`: -40005 for another corp's or app's message, -40008 for one without sender, time or number.
    """
    try:
        _check_receiver(fields, corp_id, agent_id)
        kind = _text(fields, "MsgType")
        sent_at = _time(fields)
        scope = (corp_id, str(agent_id))
        if kind == "event":
            name = _text(fields, "Event")
            sender = _sender_of_event(fields, name)
            content = _content_of_event(name, fields)
            key = _key(*scope, sender, *_marks_of_event(fields, name))
        else:
            sender = _sender(fields)
            content = _content_of_message(kind, fields)
            key = _key(*scope, sender, _text(fields, "MsgId"))
    except InvalidField as odd:
        raise BadCallback(f"the message has no usable {odd}", code=BAD_PLAINTEXT, status=400) from None
    return InboundEvent(key, Person(channel, sender), content, sent_at)


def _check_receiver(fields: Fields, corp_id: str, agent_id: int) -> None:
    # What stands around the encrypted part is unsigned; only this says for whom the message is.
    if _text(fields, "ToUserName") != corp_id:
        raise BadCallback("the message is for another corp", code=NOT_FOR_US, reason="receiver")
    agent = _optional(fields, "AgentID") or _optional(fields, "AgentId")
    if agent and _WHOLE.fullmatch(agent) is None:
        raise InvalidField("AgentID")
    if agent and int(agent) != agent_id:
        raise BadCallback("the message is for another app", code=NOT_FOR_US, reason="receiver")


def _sender(fields: Fields) -> str:
    user = _text(fields, "FromUserName")
    # "|" would make the reply go to several people, and "@all" to everybody.
    if _USER.fullmatch(user) is None:
        raise InvalidField("FromUserName")
    return user


def _sender_of_event(fields: Fields, name: str) -> str:
    if fields.get("FromUserName") is None and (name in _NOTICES or name not in _EVENTS):
        return PLATFORM
    return _sender(fields)


def _time(fields: Fields) -> datetime:
    seconds = int(_number(fields, "CreateTime"))
    if seconds not in _UNTIL_2286:
        raise InvalidField("CreateTime")
    return datetime.fromtimestamp(seconds, UTC)


def _marks_of_event(fields: Fields, name: str) -> tuple[str, ...]:
    # Sender and second alone are one key for two events: people click faster than that.
    marks = [_mark(fields, mark) for mark in ("EventKey", "ChangeType", "TaskId")]
    if name in _NOTICES:
        marks += [_mark(fields, mark) for mark in ("UserID", "Id", "TagId", "OpenKfId")]
        marks.append(_mark(_nested(fields, "BatchJob"), "JobId"))
    # The key outlives what is forgotten of a person, and need not say what they pressed.
    digest = hashlib.sha256("\0".join(marks).encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return _mark(fields, "CreateTime"), _mark(fields, "Event"), digest


def _key(*parts: str) -> str:
    key = "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)
    if len(key) <= _KEY_LIMIT:
        return key
    digest = hashlib.sha256(key.encode("utf-8")).hexdigest()
    return f"{key[: _KEY_LIMIT - len(digest) - 1]}#{digest}"


def _content_of_message(kind: str, fields: Fields) -> Content:
    make = _MESSAGES.get(kind)
    if make is not None:
        try:
            return make(fields)
        except InvalidField:
            pass  # the person hears that this cannot be handled, which is better than nothing
    return UnknownMessage(kind[:_NAME_LIMIT])


def _content_of_event(name: str, fields: Fields) -> Content:
    if name in _NOTICES:
        return PlatformNotice(name)
    make = _EVENTS.get(name)
    if make is not None:
        try:
            return make(fields)
        except InvalidField:
            pass  # nobody waits for an answer to it
    return UnknownEvent(name[:_NAME_LIMIT])


def _text_message(fields: Fields) -> Text:
    return Text(_optional(fields, "Content"))


def _image(fields: Fields) -> Image:
    return Image(_text(fields, "MediaId"))


def _voice(fields: Fields) -> Voice:
    return Voice(_text(fields, "MediaId"), _optional(fields, "Format"))


def _video(fields: Fields) -> Video:
    return Video(_text(fields, "MediaId"))


def _file(fields: Fields) -> File:
    return File(_text(fields, "MediaId"), _optional(fields, "FileName") or _optional(fields, "Title"))


def _location(fields: Fields) -> Location:
    label = _optional(fields, "Label")
    if not label.strip():
        label = _optional(fields, "Poiname")
    return Location(_degrees(fields, "Location_X", 90), _degrees(fields, "Location_Y", 180), label)


def _link(fields: Fields) -> Link:
    return Link(_optional(fields, "Title"), _optional(fields, "Description"), _optional(fields, "Url"))


def _position(fields: Fields) -> Position:
    precision = _decimal(fields, "Precision")
    return Position(_degrees(fields, "Latitude", 90), _degrees(fields, "Longitude", 180), precision)


def _clicked(fields: Fields) -> Clicked:
    return Clicked(_optional(fields, "EventKey"))


def _viewed(fields: Fields) -> Viewed:
    return Viewed(_optional(fields, "EventKey"))


def _scanned(fields: Fields) -> Scanned:
    return Scanned(_optional(fields, "EventKey"), _optional(_nested(fields, "ScanCodeInfo"), "ScanResult"))


def _location_selected(fields: Fields) -> Location:
    return _location(_nested(fields, "SendLocationInfo"))


def _card_acted(fields: Fields) -> CardActed:
    selected = tuple(
        (_text(item, "QuestionKey"), _texts(_nested(item, "OptionIds"), "OptionId"))
        for item in _several(_nested(fields, "SelectedItems"), "SelectedItem")
    )
    return CardActed(
        key=_optional(fields, "EventKey"),
        task_id=_optional(fields, "TaskId"),
        card_type=_optional(fields, "CardType"),
        response_code=_optional(fields, "ResponseCode"),
        selected=selected,
    )


_MESSAGES: Mapping[str, Callable[[Fields], Content]] = {
    "text": _text_message,
    "image": _image,
    "voice": _voice,
    "video": _video,
    # Not on Tencent's page; other programs report that they get it.
    "file": _file,
    "location": _location,
    "link": _link,
}
_EVENTS: Mapping[str, Callable[[Fields], Content]] = {
    "subscribe": lambda _: Subscribed(),
    "unsubscribe": lambda _: Unsubscribed(),
    "enter_agent": lambda _: Entered(),
    "LOCATION": _position,
    "click": _clicked,
    "view": _viewed,
    "view_miniprogram": _viewed,
    "scancode_push": _scanned,
    "scancode_waitmsg": _scanned,
    # The pictures themselves follow as image messages, so this is only a button that opened something.
    "pic_sysphoto": _viewed,
    "pic_photo_or_album": _viewed,
    "pic_weixin": _viewed,
    "location_select": _location_selected,
    "template_card_event": _card_acted,
    "template_card_menu_event": _card_acted,
    "taskcard_click": _card_acted,
}


def _text(fields: Fields, name: str) -> str:
    text = _optional(fields, name)
    if not text:
        raise InvalidField(name)
    return text


def _optional(fields: Fields, name: str) -> str:
    match fields.get(name):
        case None:
            return ""
        case str(text):
            return legal_text(text)
        case _:
            raise InvalidField(name)


def _number(fields: Fields, name: str) -> str:
    number = _text(fields, name).strip()
    if _WHOLE.fullmatch(number) is None:
        raise InvalidField(name)
    return number


def _decimal(fields: Fields, name: str) -> float:
    number = _text(fields, name).strip()
    if _DECIMAL.fullmatch(number) is None:
        raise InvalidField(name)
    return float(number)


def _degrees(fields: Fields, name: str, limit: int) -> float:
    degrees = _decimal(fields, name)
    if abs(degrees) > limit:
        raise InvalidField(name)
    return degrees


def _mark(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return legal_text(value) if isinstance(value, str) else ""


def _nested(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def _several(fields: Fields, name: str) -> Sequence[Fields]:
    value = fields.get(name)
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def _texts(fields: Fields, name: str) -> tuple[str, ...]:
    value = fields.get(name)
    items = value if isinstance(value, list) else [value]
    return tuple(legal_text(item) for item in items if isinstance(item, str))
