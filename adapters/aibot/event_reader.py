"""The body of a callback, by connection or by HTTP, read into an event. Pure: the same body gives the same event."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from adapters.aibot.frames import FrameRefused
from pipeline.events import (
    Clicked,
    Content,
    Feedback,
    File,
    Image,
    InboundEvent,
    Person,
    Subscribed,
    Text,
    UnknownEvent,
    UnknownMessage,
    Video,
)
from pipeline.text.unicode import is_visible, wellformed

PLATFORM = "sys"
"""Who an event is from that no person caused; WeCom's own name for it."""

# No halves of surrogates, which no database and no frame takes.
_USER = re.compile(r"(?!group:)[^\s|/@\x00-\x1f\x7f\ud800-\udfff][^\s|/\x00-\x1f\x7f\ud800-\udfff]{0,127}")
_CHAT = re.compile(r"[^\s/\x00-\x1f\x7f\ud800-\udfff]{1,128}")
_ID = re.compile(r"[\x21-\x7e]{1,256}")
_UNTIL_2286 = range(1, 10_000_000_000)
_NAME_LIMIT = 64
_LONGEST_URL = 4096
_LONGEST_QUOTE = 20_480
"""Characters: whatever can be said in one message can be quoted whole."""
_MOST_ITEMS = 50
_MOST_MENTIONS = 5
_LONGEST_KEY = 256
_LONGEST_NOTE = 1000
_REASONS = {1: "irrelevant", 2: "incomplete", 3: "wrong", 4: "bad data analysis"}
_MOST_PICTURES = 9
_MOST_FILES = 5
_PICTURES, _FILES = frozenset({"image"}), frozenset({"file", "video"})
_EVENTS = frozenset({"enter_chat", "feedback_event", "template_card_event"})
PART_OF_MESSAGE = "/picture"
"""At the end of the key of a picture that came in one message with words."""
_MOST_TEXT = 64 * 1024
"""Characters of one message that are read; the client sends about 4,000."""


@dataclass(frozen=True, slots=True)
class BotMessage:
    """A callback: the event, and where its answers go."""

    event: InboundEvent
    msgid: str
    chat_id: str
    """The address of a message of our own: the group, or the person."""
    chat_type: Literal["single", "group"]
    is_event: bool = False
    pictures: tuple[InboundEvent, ...] = ()
    """Pictures of a message with words, to be accepted before it."""


def read_message(
    body: Mapping[str, Any], *, channel: str, bot_id: str, names: Sequence[str], now: datetime
) -> BotMessage:
    """Return what somebody did. Raises `FrameRefused` for a callback that is no use or not for this bot."""
    msgid = body.get("msgid")
    if not isinstance(msgid, str) or _ID.fullmatch(msgid) is None:
        raise FrameRefused("a callback without msgid")
    aibotid = body.get("aibotid")
    if not isinstance(aibotid, str) or _ID.fullmatch(aibotid) is None or (bot_id and aibotid != bot_id):
        raise FrameRefused("a callback for another bot")
    kind = body.get("msgtype")
    if not isinstance(kind, str):
        raise FrameRefused("a callback without msgtype")
    sender = body.get("from")
    user = sender.get("userid") if isinstance(sender, dict) else None
    if not isinstance(user, str) or user == PLATFORM or _USER.fullmatch(user) is None:
        raise FrameRefused("a callback without a sender")
    is_group = body.get("chattype") == "group"
    chat_id = body.get("chatid") if is_group else user
    if not isinstance(chat_id, str) or _CHAT.fullmatch(chat_id) is None:
        raise FrameRefused("a group's callback without chatid")
    content = _event(body) if kind == "event" else _content(kind, body, names if is_group else ())
    if isinstance(content, Text):
        content = _with_quote(content, body.get("quote"))
    pictures: list[Image] = []
    if isinstance(content, Text):
        pictures, files = _media(body, kind)
        if not is_visible(content.text) and not content.quoted and not files and pictures:
            # Only a mention and pictures: the last is what was sent, as if it had come alone.
            content = pictures.pop()
        elif files:
            content = replace(content, files=files)
    group = chat_id if is_group else ""
    person, sent_at = Person(channel, user), _time(body, now)
    event = InboundEvent(event_key(aibotid, msgid), person, content, sent_at, group)
    return BotMessage(
        event,
        msgid,
        chat_id,
        "group" if is_group else "single",
        kind == "event",
        tuple(
            InboundEvent(
                _key(aibotid, msgid, str(number)) + PART_OF_MESSAGE,
                person,
                replace(picture, beside_words=True),
                sent_at,
                group,
            )
            for number, picture in enumerate(pictures)
        ),
    )


def event_key(bot_id: str, msgid: str) -> str:
    """Return the key of the event that a callback is read into."""
    return _key(bot_id, msgid)


def _key(*parts: str) -> str:
    key = "/".join(part.replace("%", "%25").replace("/", "%2F") for part in ("aibot", *parts))
    return key if len(key) <= 255 else f"aibot#{hashlib.sha256(key.encode()).hexdigest()}"  # noqa: PLR2004


def _time(body: Mapping[str, Any], now: datetime) -> datetime:
    seconds = body.get("create_time")
    if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds in _UNTIL_2286:
        return datetime.fromtimestamp(seconds, UTC)
    return now


def _content(kind: str, body: Mapping[str, Any], names: Sequence[str]) -> Content:
    own = body.get(kind)
    match kind, own:
        case "text" | "voice", {"content": str(text)}:
            text = wellformed(text[:_MOST_TEXT])
            return Text(without_mention(text, names)) if kind == "text" else Text(text, spoken=True)
        case "mixed", dict():
            return Text(without_mention(_mixed(own), names))
        case "image", {"url": str(url)} if url and len(url) <= _LONGEST_URL:
            return Image(_media_id(own))
        case "file", {"url": str(url)} if url and len(url) <= _LONGEST_URL:
            return File(_media_id(own), "")
        case "video", {"url": str(url)} if url and len(url) <= _LONGEST_URL:
            return Video(_media_id(own))
        case _:
            return UnknownMessage(wellformed(kind[:_NAME_LIMIT]))


def _feedback(own: object) -> Content:
    match own:
        case {"id": str(answer), "type": 1 | 2 | 3 as kind} if answer and len(answer) <= _LONGEST_KEY:
            good = {1: True, 2: False}.get(kind)
            return Feedback(wellformed(answer), good, _why(own) if good is False else "")
        case _:
            return UnknownEvent("feedback_event")


def _why(own: object) -> str:
    """Return what was wrong with an answer, in the platform's reasons and the person's words."""
    fields = own if isinstance(own, dict) else {}
    listed = fields.get("inaccurate_reason_list")
    known = [each for each in listed if type(each) is int] if isinstance(listed, list) else []
    reasons = [_REASONS[each] for each in known if each in _REASONS]
    words = fields.get("content")
    if isinstance(words, str) and words.strip():
        reasons.append(wellformed(words.strip()[:_LONGEST_NOTE]))
    return "; ".join(reasons)


def _mixed(own: Mapping[str, Any]) -> str:
    """Return the words of a message that has more than words."""
    items = own.get("msg_item")
    words = [_words(item) for item in items[:_MOST_ITEMS]] if isinstance(items, list) else []
    return "\n".join(filter(None, words))[:_MOST_TEXT]


def _words(item: object, *, is_part: bool = True) -> str:
    """Return what there is to read of one part of a message, or of what it quotes."""
    if not isinstance(item, dict):
        return ""
    kind = item.get("msgtype")
    own = item.get(kind) if isinstance(kind, str) else None
    match kind, own:
        case "text" | "voice" | "markdown", {"content": str(text)}:
            return wellformed(text[:_MOST_TEXT])
        case "mixed", dict() if not is_part:
            return _mixed(own)
        case _:
            return ""


def _with_quote(said: Text, quote: object) -> Text:
    """Return the words with those they quote."""
    quoted = _words(quote, is_part=False).strip()[:_LONGEST_QUOTE]
    return replace(said, quoted=quoted) if is_visible(quoted) else said


def is_unknown_event(body: Mapping[str, Any]) -> bool:
    """Whether a callback is of an event that we know nothing of, whatever else it says: it is passed over."""
    return body.get("msgtype") == "event" and _event_name(body.get("event")) not in _EVENTS


def _event_name(event: object) -> str:
    name = event.get("eventtype") if isinstance(event, dict) else None
    return name if isinstance(name, str) else ""


def _event(body: Mapping[str, Any]) -> Content:
    event = body.get("event")
    name = _event_name(event)
    if name == "enter_chat":
        # The first look of a day: there is a welcome to it, as to a new member.
        return Subscribed()
    if name == "feedback_event" and isinstance(event, dict):
        return _feedback(event.get("feedback_event"))
    if name == "template_card_event" and isinstance(event, dict):
        match event.get("template_card_event"):
            case {"event_key": str(key)} if key and len(key) <= _LONGEST_KEY:
                # A card's button stands for a command, as one of a menu does.
                return Clicked(wellformed(key))
            case _:
                return UnknownEvent(name)
    return UnknownEvent(wellformed(name[:_NAME_LIMIT]))


def _media(body: Mapping[str, Any], kind: str) -> tuple[list[Image], tuple[File, ...]]:
    """Return the pictures and the files that stand beside words, and those the words quote."""
    found: list[object] = []
    for said in ({"msgtype": kind, kind: body.get(kind)}, body.get("quote")):
        match said:
            case {"msgtype": "mixed", "mixed": {"msg_item": list(items)}}:
                found += items[:_MOST_ITEMS]
            case {"msgtype": "image" | "file" | "video"}:
                found.append(said)
            case _:
                pass
    pictures = [Image(media_id) for media_id in map(partial(_address, kinds=_PICTURES), found) if media_id]
    # A film is no document; who sends one is told so where files are read.
    files = [File(media_id, "") for media_id in map(partial(_address, kinds=_FILES), found) if media_id]
    return pictures[:_MOST_PICTURES], tuple(files[:_MOST_FILES])


def _address(item: object, *, kinds: frozenset[str]) -> str:
    """Return the media id of a picture or a file; empty for what is none."""
    kind = item.get("msgtype") if isinstance(item, dict) else None
    own = item.get(kind) if isinstance(item, dict) and isinstance(kind, str) and kind in kinds else None
    url = own.get("url") if isinstance(own, dict) else None
    return _media_id(own) if isinstance(url, str) and 0 < len(url) <= _LONGEST_URL else ""


def media_in(media_id: str) -> tuple[str, str]:
    """Return the address of a file and its key, as a media id of ours holds them."""
    try:
        url, key = json.loads(media_id)
    except ValueError:
        return "", ""
    return str(url), str(key)


def _media_id(own: object) -> str:
    fields = own if isinstance(own, dict) else {}
    key = fields.get("aeskey")
    return json.dumps([wellformed(fields["url"]), wellformed(key) if isinstance(key, str) else ""])


def without_mention(text: str, names: Sequence[str]) -> str:
    """Return a group's message without the bot's name in front; `names` are the longest first."""
    rest = text
    # Whoever is not sure that it has worked mentions the bot twice.
    for _ in range(_MOST_MENTIONS):
        name = next((name for name in names if rest.lstrip().startswith(f"@{name}")), None)
        if name is None:
            break
        # Clients put U+2005 behind a name, people a space, a colon or nothing.
        rest = rest.lstrip()[len(name) + 1 :].lstrip(" \t\n\u2005\u00a0,，:：")
    return rest
