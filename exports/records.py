"""What an export is made of, as values that also travel to a worker process as JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from pipeline.answer import Cut, PersonRating, ToolUse
from pipeline.replies import StoredMedia


@dataclass(frozen=True, slots=True)
class ConversationInfo:
    """A conversation's head; times in seconds since 1970, UTC."""

    id: int
    channel: str
    user: str
    number: int
    title: str
    persona: str
    started_at: float
    last_at: float


@dataclass(frozen=True, slots=True)
class Message:
    """One side of an exchange; `turn` counts the exchanges of its conversation from 1."""

    turn: int
    role: Literal["human", "ai"]
    text: str
    media: tuple[StoredMedia, ...]
    at: float
    trace: int = 0
    chain: str = ""
    revision: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    milliseconds: int = 0
    aside: bool = False
    """Whether it was a command's, which no model was shown."""
    tools: tuple[ToolUse, ...] = ()
    """What a model used on its way to it."""
    rating: Literal["", "good", "bad"] = ""
    """What was thought of it last."""
    note: str = ""
    """What was said about that."""
    cut: Cut = ""
    """Why an answer is not whole."""
    estimated: int = 0
    """How many of its tokens are estimated."""
    speaker: str = ""
    """Who asked, in a group."""
    cost: int = 0
    """In millionths of the currency of the settings."""
    id: int = 0
    """What the message is called in the database."""
    spoken: bool = False
    """Whether a question came as a voice message; its text is what was understood of it."""
    ratings: tuple[PersonRating, ...] = ()
    """What each person thinks of it, the earliest first; in a group several may."""

    @property
    def good(self) -> int:
        """Count those who think it good."""
        return sum(each.rating == "good" for each in self.ratings)

    @property
    def bad(self) -> int:
        """Count those who think it bad."""
        return sum(each.rating == "bad" for each in self.ratings)


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation with everything chosen of it."""

    conversation: ConversationInfo
    messages: tuple[Message, ...]

    def head(self) -> "Head":
        """Sum it up."""
        said = self.messages
        return Head(
            self.conversation,
            len(said),
            said[0].at if said else self.conversation.started_at,
            said[-1].at if said else self.conversation.last_at,
            _distinct(message.model for message in said),
            _distinct(
                f"{message.chain} @ {message.revision}" for message in said if message.chain and message.revision
            ),
        )


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above a conversation, known to whoever writes only a part of it."""

    conversation: ConversationInfo
    messages: int
    first: float
    last: float
    models: tuple[str, ...]
    chains: tuple[str, ...]

    def joined(self, following: "Head") -> "Head":
        """Sum up what another piece of the same conversation adds."""
        return Head(
            self.conversation,
            self.messages + following.messages,
            self.first,
            following.last,
            _distinct(self.models + following.models),
            _distinct(self.chains + following.chains),
        )


HEADS = TypeAdapter(tuple[Head, ...])


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
