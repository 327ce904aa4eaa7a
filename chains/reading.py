"""What an event asks of us: a question for the model, a command, a short word of ours, or nothing."""

from dataclasses import dataclass

from chains.command import Command, Commands
from pipeline.events import (
    CardActed,
    Clicked,
    Content,
    Entered,
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
from pipeline.text import wellformed
from pipeline.words import Catalogue


@dataclass(frozen=True, slots=True)
class Question:
    """Words for the model."""

    text: str
    chain: str = ""
    """The chain they are for; empty for the channel's own."""
    by_voice: bool = False
    """Whether they were spoken."""


@dataclass(frozen=True, slots=True)
class Given:
    """A command with what followed it."""

    command: Command
    argument: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence of the catalogue, said without asking anybody."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """A chain was called without words: it says its own."""

    chain: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture, to be kept for the question about it."""

    media_id: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A voice message, to be written down and answered."""

    media_id: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """No answer is due."""


Reading = Question | Given | Remark | Welcome | Shown | Recorded | Nothing


def given(content: Content, commands: Commands) -> Given | None:
    """Give the command an event is, typed or clicked; None if it is none."""
    if not isinstance(content, Text | Clicked):
        return None
    found = commands.find(content.text if isinstance(content, Text) else content.key)
    return Given(*found) if found else None


def read(content: Content, *, commands: Commands, words: Catalogue) -> Reading:
    """Read an event's content; what the model gets of a place, a page or a code is in the words' language."""
    match content:
        case Text(text):
            return given(content, commands) or (Question(wellformed(text)) if text.strip() else Remark("kind.blank"))
        case Clicked():
            return given(content, commands) or Remark("kind.clicked")
        case Location() | Link() | Scanned():
            return Question(wellformed(_in_words(content, words)))
        case Image() | Voice():
            return Shown(content.media_id) if isinstance(content, Image) else Recorded(content.media_id)
        case Video() | File() | UnknownMessage() | Subscribed():
            return Remark(f"kind.{content.kind}")
        case Entered() | Unsubscribed() | Viewed() | Position() | CardActed() | PlatformNotice() | UnknownEvent():
            # Entered comes on every opening of the app: a welcome there would be one a minute.
            return Nothing()


def _in_words(content: Location | Link | Scanned, words: Catalogue) -> str:
    match content:
        case Location(latitude, longitude, label):
            return words.text("kind.location", label=label, latitude=latitude, longitude=longitude)
        case Link(title, description, url):
            page = words.text("kind.link", title=title, description=description, url=url)
            return "\n".join(line for line in page.splitlines() if line.strip())
        case Scanned(result=result):
            return words.text("kind.scanned", result=result)
