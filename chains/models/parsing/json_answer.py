"""The JSON of an answer that was to be JSON alone: models put it into a block, or a sentence before it."""

import json
import re

_BLOCK = re.compile(r"```[ \t]*(?:json\w{0,2}|jsonc)?[ \t]*\n(?P<body>.*?)\n?[ \t]*```", re.DOTALL | re.IGNORECASE)


def json_of(text: str) -> str:
    """Return the JSON of an answer as the model wrote it, without the block around it; empty for an answer without."""
    plain = text.strip()
    if _is_json(plain):
        return plain
    blocks = [found["body"].strip() for found in _BLOCK.finditer(plain)]
    return blocks[0] if len(blocks) == 1 and _is_json(blocks[0]) else ""


def _is_json(text: str) -> bool:
    if text[:1] not in {"{", "["}:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
