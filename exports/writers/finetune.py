"""Writes OpenAI's chat format for fine-tuning: a JSON object a line, one for each conversation.

Each line is `{"messages": [{"role": "system"|"user"|"assistant", "content": …}, …]}` and ends with an answer
(OpenAI, "Supervised fine-tuning", formatting your data).
"""

import json
from collections.abc import Iterator

from exports.records import Message, Transcript


def lines(whole: Transcript) -> Iterator[str]:
    """Return a conversation's line; none for one without an answered question in words."""
    said = [
        {"role": "user" if message.role == "human" else "assistant", "content": message.text}
        for message in answered(whole.messages)
    ]
    if said:
        persona = [{"role": "system", "content": whole.conversation.persona}] if whole.conversation.persona else []
        yield json.dumps({"messages": persona + said}, ensure_ascii=False) + "\n"


def answered(messages: tuple[Message, ...]) -> Iterator[Message]:
    """Return questions and answers in turn, leaving out commands and exchanges of which one side has no words.

    Answers that are not whole are left out too: a model would learn to stop in mid-sentence.
    """
    question: Message | None = None
    for message in messages:
        if message.aside:
            continue
        if message.role == "human":
            question = message if message.text.strip() else None
        elif question is not None and message.text.strip() and not message.cut:
            yield question
            yield message
            question = None
