"""What an export is made of, as values that also travel to a worker process as JSON."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from pipeline.outcomes import ToolUse
from pipeline.replies import StoredMedia


@dataclass(frozen=True, slots=True)
class Talk:
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


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation with everything chosen of it."""

    talk: Talk
    messages: tuple[Message, ...]


TRANSCRIPTS = TypeAdapter(tuple[Transcript, ...])
