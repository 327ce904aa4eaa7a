"""Writes the ShareGPT format: a JSON object a line, `conversations` of turns `from` human and gpt alternately.

The persona is `system` (as LLaMA-Factory's data README has it).
"""

import json
from collections.abc import Iterator

from exports.records import Transcript
from exports.writers.finetune import answered


def lines(whole: Transcript) -> Iterator[str]:
    """Return a conversation's line; none for one without an answered question in words."""
    said = [
        {"from": "human" if message.role == "human" else "gpt", "value": message.text}
        for message in answered(whole.messages)
    ]
    if said:
        line = {
            "id": f"{whole.conversation.channel}/{whole.conversation.user}/{whole.conversation.number}",
            "conversations": said,
        }
        if whole.conversation.persona:
            line["system"] = whole.conversation.persona
        yield json.dumps(line, ensure_ascii=False) + "\n"
