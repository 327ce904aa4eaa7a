"""What has come of a model's answer so far: the same whether it came whole or in pieces."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import AIMessage, AIMessageChunk, ToolCall
from langchain_core.messages.ai import add_ai_message_chunks

from chains.thinking import Spoken, apart
from chains.wellformed import wellformed

REASONING = "reasoning_content"
REFUSAL = "refusal"
"""Where a message keeps, in `additional_kwargs`, what the provider sent beside the answer."""


@dataclass(slots=True)
class Heard:
    """An answer as it is heard; tokens are the provider's own count."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    model: str = ""
    finish: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    _asking: AIMessage | None = None

    @property
    def tool_calls(self) -> Sequence[ToolCall]:
        """Give the tools the model asks for, once the message is whole."""
        return self._asking.tool_calls if self._asking is not None else ()

    @property
    def request(self) -> AIMessage:
        """Give the message as the model is given it back beside what its tools said."""
        return AIMessage(self.text, tool_calls=list(self.tool_calls))

    def hear(self, message: AIMessage) -> None:
        """Take in a message or a piece of one."""
        content = message.content
        self.text += content if isinstance(content, str) else message.text
        beside = message.additional_kwargs
        self.reasoning += beside.get(REASONING) or ""
        self.refusal += beside.get(REFUSAL) or ""
        about = message.response_metadata
        self.model = about.get("model_name") or self.model
        self.finish = about.get("finish_reason") or self.finish
        if message.tool_calls or (isinstance(message, AIMessageChunk) and message.tool_call_chunks):
            self._asking = _joined(self._asking, message)
        if usage := message.usage_metadata:
            # Providers that count in every piece count from the beginning each time.
            self.input_tokens = max(self.input_tokens, usage["input_tokens"])
            self.output_tokens = max(self.output_tokens, usage["output_tokens"])

    def spoken(self, *, whole: bool) -> Spoken:
        """Tell thought from speech, in text that can be stored."""
        spoken = apart(wellformed(self.text), whole=whole)
        said = spoken.said or wellformed(self.refusal).strip()
        thought = "\n".join(part for part in (wellformed(self.reasoning).strip(), spoken.thought) if part)
        return Spoken(thought, said)


def together(messages: Sequence[Heard]) -> Heard:
    """Put the messages of one answer together: the last words count, and the tokens of all."""
    last = next((heard for heard in reversed(messages) if heard.text or heard.refusal), messages[-1])
    return replace(
        last,
        input_tokens=sum(heard.input_tokens for heard in messages),
        output_tokens=sum(heard.output_tokens for heard in messages),
    )


def _joined(begun: AIMessage | None, more: AIMessage) -> AIMessage:
    if isinstance(begun, AIMessageChunk) and isinstance(more, AIMessageChunk):
        return add_ai_message_chunks(begun, more)
    return more
