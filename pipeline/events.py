"""What somebody did in a channel, as frozen values: an `InboundEvent` whose content is one of a closed union."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Person:
    """A person in one channel; the same user id in two channels is two persons."""

    channel: str
    user: str

    def __str__(self) -> str:
        return f"{self.channel}/{self.user}"


ANY_USER = "*"
"""Among user ids, as a chain, a model or the settings list them: everybody."""

GROUP = "group:"
"""Before a group's name where a person's could stand; no user id begins like this."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture; `media_id` is the channel's own reference and may expire."""

    media_id: str
    kind: Literal["image"] = "image"
    beside_words: bool = False
    """Whether it came in one message with the words that follow it."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A spoken message; `format` is the channel's word for its encoding, such as `amr`."""

    media_id: str
    format: str
    kind: Literal["voice"] = "voice"


@dataclass(frozen=True, slots=True)
class Video:
    """A film."""

    media_id: str
    kind: Literal["video"] = "video"


@dataclass(frozen=True, slots=True)
class File:
    """A document."""

    media_id: str
    name: str
    kind: Literal["file"] = "file"


@dataclass(frozen=True, slots=True)
class Text:
    """Words, to the last space and newline, and the files they are about."""

    text: str
    kind: Literal["text"] = "text"
    files: tuple[File, ...] = ()
    """Documents in one message with the words, or quoted by them."""
    quoted: str = ""
    """What the words quote, which is for the model alone: it is neither a command nor a keyword."""
    spoken: bool = False
    """Whether it was a voice message that the platform has written down."""


@dataclass(frozen=True, slots=True)
class Location:
    """A place somebody chose to send; degrees, north and east positive."""

    latitude: float
    longitude: float
    label: str
    kind: Literal["location"] = "location"


@dataclass(frozen=True, slots=True)
class Link:
    """A web page somebody shared."""

    title: str
    description: str
    url: str
    kind: Literal["link"] = "link"


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The person may use the app from now on."""

    kind: Literal["subscribed"] = "subscribed"


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The person may no longer use the app."""

    kind: Literal["unsubscribed"] = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Entered:
    """The person opened the app; fires on every entry."""

    kind: Literal["entered"] = "entered"


@dataclass(frozen=True, slots=True)
class Clicked:
    """A menu button was pressed; `key` is what the menu gave it."""

    key: str
    kind: Literal["clicked"] = "clicked"


@dataclass(frozen=True, slots=True)
class Viewed:
    """A menu button opened a page, which needs no answer."""

    url: str
    kind: Literal["viewed"] = "viewed"


@dataclass(frozen=True, slots=True)
class Scanned:
    """A code was scanned through a menu button."""

    key: str
    result: str
    kind: Literal["scanned"] = "scanned"


@dataclass(frozen=True, slots=True)
class Position:
    """Where the app says the person is; reported unasked, so not a message."""

    latitude: float
    longitude: float
    precision: float
    kind: Literal["position"] = "position"


@dataclass(frozen=True, slots=True)
class CardActed:
    """A template card was used; `selected` pairs each question's key with the options chosen."""

    key: str
    task_id: str
    card_type: str
    response_code: str
    selected: tuple[tuple[str, tuple[str, ...]], ...] = ()
    kind: Literal["card_acted"] = "card_acted"


@dataclass(frozen=True, slots=True)
class PlatformNotice:
    """The platform speaks to the operator: contact changes, suspension warnings, job results."""

    name: str
    kind: Literal["platform_notice"] = "platform_notice"


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A message of a type we have no word for; its sender is told so."""

    name: str
    kind: Literal["unknown_message"] = "unknown_message"


@dataclass(frozen=True, slots=True)
class Feedback:
    """A press of the channel's own thumbs under an answer: `good`, or not, or None where it was taken back.

    `answer` is the key of the event that was answered.
    """

    answer: str
    good: bool | None
    why: str = ""
    kind: Literal["feedback"] = "feedback"


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """An event of a type we have no word for; acknowledged and left alone."""

    name: str
    kind: Literal["unknown_event"] = "unknown_event"


Content = (
    Text
    | Image
    | Voice
    | Video
    | File
    | Location
    | Link
    | Subscribed
    | Unsubscribed
    | Entered
    | Clicked
    | Viewed
    | Scanned
    | Position
    | CardActed
    | PlatformNotice
    | UnknownMessage
    | Feedback
    | UnknownEvent
)


MESSAGES = (Text, Image, Voice, Video, File, Location, Link, UnknownMessage)
"""What somebody has said, as against what they have done or what has happened to them."""


@dataclass(frozen=True, slots=True)
class InboundEvent:
    """One thing that happened.

    `key` is the same each time the channel delivers the same event and differs otherwise; `sent_at` is the
    channel's clock, in UTC.
    """

    key: str
    sender: Person
    content: Content
    sent_at: datetime
    group: str = ""
    """The group it was said in, as the channel names it; empty between one person and us."""
    reply_id: str = ""
    """What the channel answers it by, where `key` does not say that; good for a while only."""

    @property
    def chat(self) -> Person:
        """Return whose turns stand in one order and share one history: the group's, or the sender's."""
        return Person(self.sender.channel, f"{GROUP}{self.group}") if self.group else self.sender
