"""Turns what the pretend phone shows into what the page shows: a bubble on one side or the other."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from markupsafe import Markup, escape

from adapters.simulator.console_markup import markdown, plain
from adapters.simulator.platform.timeline import Delivered, Entry, MediaLabel, MemberAction
from adapters.simulator.simulator import WeComSimulator
from pipeline.events import (
    CardActed,
    Clicked,
    Content,
    Entered,
    Feedback,
    File,
    Image,
    Link,
    Location,
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
from pipeline.text.i18n import Catalogue

_NOTHING = Markup()

Side = Literal["mine", "others", "theirs", "note"]

SHOWN_PICTURES = frozenset({"image/jpeg", "image/png", "image/gif"})
"""What a browser may show; anything else is only offered as a download."""


_SHOWN_QUOTE = 80
"""Characters of a quote."""


@dataclass(frozen=True, slots=True)
class FileView:
    """A file of a message."""

    media_id: str
    name: str
    type: str
    size: str
    is_picture: bool
    """Whether it is a picture a browser may show."""


@dataclass(frozen=True, slots=True)
class CardButton:
    """A button of a card."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class MessageView:
    """One entry of a conversation. `waits` is whether an answer to it is to be expected."""

    number: int
    at: float
    side: Side
    html: Markup = _NOTHING
    media: FileView | None = None
    msg_id: str = ""
    recalled: bool = False
    waits: bool = False
    stream: str = ""
    """What names an answer that may come again, longer."""
    grows: bool = False
    who: str = ""
    """The member who said it."""
    quote: str = ""
    """The beginning of what it quotes."""
    attachments: tuple[FileView, ...] = ()
    """Files in one message with words."""
    buttons: tuple[CardButton, ...] = ()
    """Of a card."""
    feedback: str = ""
    """What its thumbs stand for; empty where it has none."""
    judged: str = ""
    """Of a note: the answer that was judged."""
    judgement: Literal["good", "bad", ""] = ""

    @property
    def can_be_quoted(self) -> bool:
        """Whether it is a whole message."""
        return self.side != "note" and not self.grows and not self.recalled

    @property
    def clock(self) -> str:
        """Return the time of day it was shown."""
        return time.strftime("%H:%M", time.localtime(self.at))


def message_view(
    entry: Entry, simulator: WeComSimulator, catalogue: Catalogue, menu: Mapping[str, str], *, reader: str = ""
) -> MessageView:
    """Return the bubble of an entry as `reader` sees it; `menu` names the buttons by their keys."""
    match entry:
        case Delivered():
            is_bot = bool(simulator.app(agent_id=entry.agent_id, corp_id=entry.corp_id).bot_id)
            shown = markdown(entry.text, tables=is_bot) if entry.type == "markdown" else plain(_words(entry))
            html = shown if entry.media is None else _NOTHING
            return MessageView(
                entry.number,
                entry.at,
                "theirs",
                html,
                file_view(entry.media) if entry.media else None,
                recalled=entry.recalled,
                stream=entry.msgid,
                grows=entry.streaming,
                waits=entry.streaming and not entry.text,
                buttons=_buttons(entry),
                feedback="" if entry.streaming else entry.feedback,
            )
        case MemberAction():
            action = _action_html(entry, simulator, catalogue, menu)
            is_own = entry.user == reader or action.side == "note"
            return replace(
                action,
                side=action.side if is_own else "others",
                who=entry.user,
                quote=_quote(entry, simulator, catalogue),
                attachments=tuple(filter(None, (_attached(entry, each, simulator) for each in entry.attachments))),
            )


def _words(message: Delivered) -> str:
    if message.type != "template_card":
        return message.text
    title = message.body.get("main_title")
    words = (title.get("title", "") if isinstance(title, dict) else "", message.body.get("sub_title_text", ""))
    return "\n".join(str(each) for each in words if each)


def _buttons(message: Delivered) -> tuple[CardButton, ...]:
    listed = message.body.get("button_list") if message.type == "template_card" else None
    return tuple(CardButton(str(each["text"]), str(each["key"])) for each in listed) if isinstance(listed, list) else ()


def _quote(said: MemberAction, simulator: WeComSimulator, catalogue: Catalogue) -> str:
    match said.quote:
        case None:
            return ""
        case Text(text):
            return text if len(text) <= _SHOWN_QUOTE else f"{text[:_SHOWN_QUOTE]}…"
        case quoted:
            label = _attached(said, quoted, simulator)
            name = label.name if label else ""
            return name or catalogue.text("console.picture" if quoted.kind == "image" else "console.file")


def _attached(said: MemberAction, content: Content, simulator: WeComSimulator) -> FileView | None:
    match content:
        case Image(media_id) | Voice(media_id) | Video(media_id) | File(media_id):
            return _label(simulator, said, media_id)
        case _:
            return None


def _action_html(
    said: MemberAction, simulator: WeComSimulator, catalogue: Catalogue, menu: Mapping[str, str]
) -> MessageView:
    def note(key: str, *, waits: bool = False, **values: object) -> MessageView:
        return MessageView(
            said.number, said.at, "note", escape(catalogue.text(f"console.{key}", **values)), waits=waits
        )

    def mine(text: str, media: FileView | None = None) -> MessageView:
        html = _NOTHING if media else plain(text)
        return MessageView(said.number, said.at, "mine", html, media, msg_id=said.msg_id, waits=True)

    content: Content = said.content
    match content:
        case Text(text):
            shown = mine(text)
        case Image(media_id) | Voice(media_id) | Video(media_id) | File(media_id):
            shown = mine(catalogue.text("console.media_gone"), _label(simulator, said, media_id))
        case Location(north, east, name):
            shown = mine(catalogue.text("console.location_shown", label=name, latitude=north, longitude=east))
        case Link(title, description, url):
            shown = mine("\n".join(filter(None, (title, description, url))))
        case Clicked(key):
            shown = note("clicked", waits=True, pressed=menu.get(key, key))
        case Viewed(url):
            shown = note("viewed", url=url)
        case Entered() | Subscribed() | Unsubscribed():
            shown = note(content.kind)
        case Scanned(_, result):
            shown = note("scanned", waits=True, result=result)
        case Feedback(answer, good, why):
            judgement: Literal["good", "bad", ""] = "" if good is None else "good" if good else "bad"
            noted = note(
                f"judged_{judgement or 'none'}",
                user=said.user,
                why=f"{catalogue.text('console.colon')}{why}" if why else "",
            )
            shown = replace(noted, judged=answer, judgement=judgement)
        case Position() | CardActed() | PlatformNotice() | UnknownMessage() | UnknownEvent():
            shown = note("event", kind=content.kind)
    return shown


def _label(simulator: WeComSimulator, said: MemberAction, media_id: str) -> FileView | None:
    try:
        return file_view(simulator.media(media_id, agent_id=said.agent_id, corp_id=said.corp_id).label)
    except LookupError:
        return None


def file_view(media: MediaLabel) -> FileView:
    """Return a file as the page shows it."""
    is_picture = media.type == "image" and media.mime in SHOWN_PICTURES
    return FileView(media.media_id, media.name, media.type, _size(media.size), is_picture)


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KB"):
        if size < 1000:  # noqa: PLR2004
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} MB"
