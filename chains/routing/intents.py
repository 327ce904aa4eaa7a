"""The intent of an event: a question for the model, a command, a fixed reply, or nothing."""

from dataclasses import dataclass

from chains.command import CommandIntent, Commands
from pipeline.answer import Change, Rated
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
from pipeline.text.unicode import is_visible, wellformed


@dataclass(frozen=True, slots=True)
class Question:
    """Words for the model."""

    text: str
    chain: str = ""
    """The chain they are for; empty for the channel's own."""
    by_voice: bool = False
    """Whether they were spoken."""


@dataclass(frozen=True, slots=True)
class UnknownCommand:
    """A word with an @ that is no command but close to one."""

    word: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class FixedReply:
    """A sentence of the catalogue, said without asking anybody."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """A chain was called without words: it says its own."""

    chain: str


@dataclass(frozen=True, slots=True)
class ImageIntent:
    """A picture, to be kept for the question about it."""

    media_id: str


@dataclass(frozen=True, slots=True)
class VoiceIntent:
    """A voice message, to be written down and answered."""

    media_id: str


@dataclass(frozen=True, slots=True)
class DocumentIntent:
    """A file, to be read and answered; `name` is empty where the channel does not say it."""

    media_id: str
    name: str


@dataclass(frozen=True, slots=True)
class NoReply:
    """No answer is due; `changes` is what is recorded all the same."""

    changes: tuple[Change, ...] = ()


Intent = (
    Question
    | CommandIntent
    | UnknownCommand
    | FixedReply
    | Welcome
    | ImageIntent
    | VoiceIntent
    | DocumentIntent
    | NoReply
)


def command_in(content: Content, commands: Commands) -> CommandIntent | None:
    """Return the command an event is, typed or clicked; None if it is none."""
    line = command_line_of(content)
    return None if line is None else commands.find(line)


def command_line_of(content: Content) -> str | None:
    """Return what may be a command: a text, or the key of a menu button."""
    match content:
        case Text(text):
            return text
        case Clicked(key):
            return key
        case _:
            return None


def read_intent(content: Content, *, commands: Commands, catalogue: Catalogue) -> Intent:  # noqa: PLR0911 -- a kind a line
    """Read an event's content; what the model gets of a place, a page or a code is in the words' language."""
    match content:
        case Text(text, files=files, quoted=quoted):
            return command_in(content, commands) or (
                Question(below_quote(text, quoted)) if is_visible(text) or files or quoted else FixedReply("kind.blank")
            )
        case Clicked():
            return command_in(content, commands) or FixedReply("kind.clicked")
        case Location() | Link() | Scanned():
            return Question(wellformed(_as_question(content, catalogue)))
        case Image() | Voice():
            return ImageIntent(content.media_id) if isinstance(content, Image) else VoiceIntent(content.media_id)
        case File(media_id, name):
            return DocumentIntent(media_id, name)
        case Video() | UnknownMessage() | Subscribed():
            return FixedReply(f"kind.{content.kind}")
        case Feedback(answer, good, why):
            return NoReply((Rated(good, why, answer),))
        case Entered() | Unsubscribed() | Viewed() | Position() | CardActed() | PlatformNotice() | UnknownEvent():
            # Entered comes on every opening of the app: a welcome there would be one a minute.
            return NoReply()


def below_quote(text: str, quoted: str) -> str:
    """Return a question with what it quotes above it; without words of its own, what it quotes is the question."""
    if not quoted or not is_visible(text):
        return wellformed(quoted or text)
    above = "\n".join(f"> {line}" for line in quoted.split("\n"))
    return wellformed(f"{above}\n\n{text}")


def _as_question(content: Location | Link | Scanned, catalogue: Catalogue) -> str:
    match content:
        case Location(latitude, longitude, label):
            return catalogue.text("kind.location", label=label, latitude=latitude, longitude=longitude)
        case Link(title, description, url):
            page = catalogue.text("kind.link", title=title, description=description, url=url)
            return "\n".join(line for line in page.splitlines() if line.strip())
        case Scanned(result=result):
            return catalogue.text("kind.scanned", result=result)
