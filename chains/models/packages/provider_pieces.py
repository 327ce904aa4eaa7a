"""The pieces of a provider's answer: as many as an answer may have, and what they ask of tools gathered beside them.

LangChain joins all pieces once more at the end of each answer, and tries to mend a tool's arguments that are no JSON
sign by sign: of 40,000 it takes fifteen seconds. So they are taken out of the pieces, and read here.
"""

from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk

from chains.models.openai.tool_calls import CallCollector
from chains.models.openai.transport import ANSWER_BYTES, AnswerTooLarge
from chains.models.response import MOST_CHARACTERS, REASONING

_PICTURES = ("image", "image_url", "media", "inline_data")


class ProviderPieces:
    """The pieces of one answer so far."""

    def __init__(self) -> None:
        self._calls = CallCollector()
        self._characters = 0
        self._beside = 0

    def take(self, piece: AIMessage) -> AIMessage:
        """Count a piece and return it, without what it asks of tools where it is a piece of more.

        Raises:
            AnswerTooLarge: pictures and the like have more characters than an answer may have bytes.
        """
        self._characters += len(str(piece.additional_kwargs.get(REASONING) or ""))
        if isinstance(piece.content, str):
            self._characters += len(piece.content)
        else:
            for block in piece.content:
                self._count(block)
        if self._beside > ANSWER_BYTES:
            raise AnswerTooLarge
        if isinstance(piece, AIMessageChunk) and piece.tool_call_chunks:
            self._calls.add(piece.tool_call_chunks, whole=False)
            piece.tool_call_chunks, piece.tool_calls, piece.invalid_tool_calls = [], [], []
        return piece

    @property
    def is_full(self) -> bool:
        """Whether more of the answer would not be heard."""
        return self._characters > MOST_CHARACTERS or self._calls.is_full

    @property
    def calls(self) -> AIMessageChunk | None:
        """Return what all pieces together ask of tools, as one more piece; None for nothing."""
        if not self._calls.calls:
            return None
        message = AIMessageChunk(content="")
        self._calls.put_into(message)
        return message

    def _count(self, block: str | dict[str, Any]) -> None:
        if isinstance(block, str):
            self._characters += len(block)
            return
        size = sum(len(value) for value in block.values() if isinstance(value, str))
        if block.get("type") in _PICTURES:
            self._beside += size
        else:
            self._characters += size
