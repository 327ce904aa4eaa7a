"""What a model is asked: the words, the options and the tools, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage

from chains.catalog.config import ChainConfig
from chains.conversation.messages import NO_IMAGES, build_messages
from chains.tooling.tool import BoundTool
from pipeline.answer import Exchange
from pipeline.ports import AnswerRequest
from pipeline.replies import StoredMedia


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question as a chain puts it to a model; the service and every trial send exactly this."""

    chain: ChainConfig
    model: str
    """The table of `[models]` that is asked first."""
    ask: AnswerRequest
    system_prompt: str
    question: str
    examples: tuple[Exchange, ...] = ()
    """The chain's own, before everything that was really said."""
    history: tuple[Exchange, ...] = ()
    """The earlier exchanges the model sees, oldest first."""
    pictures: tuple[StoredMedia, ...] = ()
    """The question's."""
    images: Mapping[str, str] = field(default_factory=lambda: NO_IMAGES)
    """The pictures that are shown, by SHA-256, as base64 of a JPEG."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the call says beside the messages."""
    tools: Mapping[str, BoundTool] = field(default_factory=dict)

    @property
    def messages(self) -> list[BaseMessage]:
        """Return the messages of the first call."""
        return build_messages(
            self.system_prompt,
            (*self.examples, *self.history),
            self.question,
            pictures=self.pictures,
            images=self.images,
        )

    def transcript(self) -> list[tuple[str, str]]:
        """Return the messages as roles and words."""
        roles = {"human": "user", "ai": "assistant"}
        return [(roles.get(message.type, message.type), message.text) for message in self.messages]
