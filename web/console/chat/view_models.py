"""Turns what the pretend phone shows into what the page shows: a bubble on one side or the other."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from adapters.simulator.console_markup import markdown, plain
from adapters.simulator.platform.media import Media
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

Side = Literal["mine", "theirs", "note"]

SHOWN_PICTURES = frozenset({"image/jpeg", "image/png", "image/gif"})
"""What a browser may show; anything else is only offered as a download."""


@dataclass(frozen=True, slots=True)
class MessageView:
    """One entry of a conversation. `waits` is whether an answer to it is to be expected."""

    number: int
    at: float
    side: Side
    html: Markup = _NOTHING
    media: MediaLabel | None = None
    msg_id: str = ""
    recalled: bool = False
    waits: bool = False
    stream: str = ""
    """What names an answer that may come again, longer."""
    grows: bool = False

    @property
    def clock(self) -> str:
        """Return the time of day it was shown."""
        return time.strftime("%H:%M", time.localtime(self.at))

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture a browser may show."""
        return self.media is not None and self.media.type == "image" and self.media.mime in SHOWN_PICTURES

    @property
    def size(self) -> str:
        """Return how large its file is."""
        size = float(self.media.size if self.media else 0)
        for unit in ("B", "KB"):
            if size < 1000:  # noqa: PLR2004
                return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
            size /= 1000
        return f"{size:.1f} MB"


def message_view(entry: Entry, simulator: WeComSimulator, catalogue: Catalogue, menu: Mapping[str, str]) -> MessageView:
    """Return the bubble of an entry; `menu` names the buttons by their keys."""
    match entry:
        case Delivered():
            shown = markdown(entry.text) if entry.type == "markdown" else plain(entry.text)
            html = shown if entry.media is None else _NOTHING
            return MessageView(
                entry.number,
                entry.at,
                "theirs",
                html,
                entry.media,
                recalled=entry.recalled,
                stream=entry.msgid,
                grows=entry.streaming,
                waits=entry.streaming and not entry.text,
            )
        case MemberAction():
            return _action_html(entry, simulator, catalogue, menu)


def _action_html(
    said: MemberAction, simulator: WeComSimulator, catalogue: Catalogue, menu: Mapping[str, str]
) -> MessageView:
    def note(key: str, *, waits: bool = False, **values: object) -> MessageView:
        return MessageView(
            said.number, said.at, "note", escape(catalogue.text(f"console.{key}", **values)), waits=waits
        )

    def mine(text: str, media: MediaLabel | None = None) -> MessageView:
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
        case Position() | CardActed() | Feedback() | PlatformNotice() | UnknownMessage() | UnknownEvent():
            shown = note("event", kind=content.kind)
    return shown


def _label(simulator: WeComSimulator, said: MemberAction, media_id: str) -> MediaLabel | None:
    try:
        media: Media = simulator.media(media_id, agent_id=said.agent_id, corp_id=said.corp_id)
    except LookupError:
        return None
    return media.label
