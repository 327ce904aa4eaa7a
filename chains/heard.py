"""What has come of a model's answer so far: the same whether it came whole or in pieces."""

from dataclasses import dataclass

from langchain_core.messages import AIMessage

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
