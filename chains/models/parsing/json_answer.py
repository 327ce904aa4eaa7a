"""The JSON of an answer that was to be JSON alone: models put it into a block, or a sentence before it."""

import json
import re

_FENCE = "```"
_OPENING = re.compile(r"```[ \t]*(?:json\w{0,2}[ \t]*)?\n", re.IGNORECASE)


def json_of(text: str) -> str:
    """Return the JSON of an answer as the model wrote it, without the block around it; empty for an answer without."""
    plain = text.strip()
    if _is_json(plain):
        return plain
    block = _only_block(plain)
    return block if _is_json(block) else ""


def _only_block(text: str) -> str:
    """Return what is between the fences of the only block of JSON; empty where there are none, or several."""
    opening = _OPENING.search(text)
    end = text.find(_FENCE, opening.end()) if opening else -1
    if opening is None or end < 0:
        return ""
    following = _OPENING.search(text, end + len(_FENCE))
    if following is not None and text.find(_FENCE, following.end()) >= 0:
        return ""
    return text[opening.end() : end].strip()


def _is_json(text: str) -> bool:
    if text[:1] not in {"{", "["}:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
