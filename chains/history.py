"""The window of our transcript, as the messages a model reads."""

from collections.abc import Iterable

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from pipeline.outcomes import Exchange


def window(system_prompt: str, exchanges: Iterable[Exchange], question: str) -> list[BaseMessage]:
    """Give the system prompt, if there is one, the exchanges, oldest first, and the new question."""
    messages: list[BaseMessage] = [SystemMessage(system_prompt)] if system_prompt.strip() else []
    for exchange in exchanges:
        messages += (HumanMessage(exchange.question), AIMessage(exchange.answer))
    messages.append(HumanMessage(question))
    return messages
