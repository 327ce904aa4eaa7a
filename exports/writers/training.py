"""Writes conversations to train a model with: a JSON object a line, one for each that has an answered question."""

import json
from collections.abc import Iterator

from exports.records import Message, Transcript


def finetune(whole: Transcript) -> Iterator[str]:
    """Return a conversation's line in OpenAI's chat format for fine-tuning, which ends with an answer.

    It is `{"messages": [{"role": "system"|"user"|"assistant", "content": …}, …]}` (OpenAI, "Supervised fine-tuning",
    formatting your data).
    """
    said = [
        {"role": "user" if message.role == "human" else "assistant", "content": message.text}
        for message in _answered(whole.messages)
    ]
    if said:
        persona = [{"role": "system", "content": whole.conversation.persona}] if whole.conversation.persona else []
        yield json.dumps({"messages": persona + said}, ensure_ascii=False) + "\n"


def sharegpt(whole: Transcript) -> Iterator[str]:
    """Return a conversation's line in the ShareGPT format: `conversations` of turns `from` human and gpt alternately.

    The persona is `system` (as LLaMA-Factory's data README has it).
    """
    said = [
        {"from": "human" if message.role == "human" else "gpt", "value": message.text}
        for message in _answered(whole.messages)
    ]
    if said:
        talk = whole.conversation
        line = {"id": f"{talk.channel}/{talk.user}/{talk.number}", "conversations": said}
        yield json.dumps(line | ({"system": talk.persona} if talk.persona else {}), ensure_ascii=False) + "\n"


def _answered(messages: tuple[Message, ...]) -> Iterator[Message]:
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
