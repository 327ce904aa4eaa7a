"""The content of a message: text, a list of parts, an object, or nothing; and the pictures in it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_TEXTS = ("text", "content", "value", "output_text", "refusal", "parts")
_THOUGHT_TYPES = frozenset({"thinking", "reasoning", "thought", "reasoning_content", "reasoning_text"})
_THOUGHT_TEXTS = ("thinking", "reasoning", "reasoning_content", "text", "content", "summary", "thought")
_PICTURE_KEYS = ("image_url", "imageUrl", "url", "b64_json", "image", "source", "inline_data", "inlineData", "data")
_PICTURE_TYPES = frozenset({"image", "image_url", "output_image", "input_image", "image_generation_call"})
_BASE64_AT_LEAST = 64
_DEPTH = 6


@dataclass(slots=True)
class Parts:
    """What a content is made of."""

    text: list[str] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)


def read_content(content: object, parts: Parts, depth: int = 0) -> None:
    """Add what a content says to `parts`, in whatever shape it comes."""
    if isinstance(content, str):
        parts.text.append(content)
    elif isinstance(content, list):
        if depth < _DEPTH:
            for each in content:
                read_content(each, parts, depth + 1)
    elif isinstance(content, dict):
        _read_part(content, parts, depth)
    elif content is not None and not isinstance(content, bool):
        parts.text.append(str(content))


def _read_part(part: Mapping[str, Any], parts: Parts, depth: int) -> None:
    kind = str(part.get("type") or "")
    if kind in _THOUGHT_TYPES or part.get("thought") is True:
        parts.thought.append(thought_of(part))
        return
    if kind in _PICTURE_TYPES or "inline_data" in part or "inlineData" in part or "image_url" in part:
        if picture := picture_of(part):
            parts.pictures.append(picture)
        return
    key = next((key for key in _TEXTS if part.get(key) is not None), None)
    if key is not None and depth < _DEPTH:
        read_content(part[key], parts, depth + 1)
    elif key is None and part and not kind:
        # An object where text belongs is the answer itself, as JSON.
        parts.text.append(json.dumps(part, ensure_ascii=False))


def thought_of(value: object, depth: int = 0) -> str:
    """Return the words of a thought, which some servers wrap as they do a content."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and depth < _DEPTH:
        return "".join(thought_of(each, depth + 1) for each in value)
    if isinstance(value, dict) and depth < _DEPTH:
        return next((thought_of(value[key], depth + 1) for key in _THOUGHT_TEXTS if value.get(key)), "")
    return ""


def pictures_of(value: object) -> list[str]:
    """Return the addresses of pictures beside a content: one, or a list of them in any shape."""
    values: Iterable[object] = value if isinstance(value, list) else [value]
    return [picture for each in values if (picture := picture_of(each))]


def picture_of(value: object, depth: int = 0) -> str:
    """Return a picture's address, `https:` or `data:`; empty for what is none."""
    if isinstance(value, str):
        if value.startswith(("http://", "https://", "data:")):
            return value
        # Bare base64, as the images API has it.
        return f"data:image/png;base64,{value}" if len(value) >= _BASE64_AT_LEAST and " " not in value[:200] else ""
    if not isinstance(value, dict) or depth > _DEPTH:
        return ""
    if isinstance(value.get("result"), str):
        return picture_of(value["result"])
    return next((found for key in _PICTURE_KEYS if (found := picture_of(value.get(key), depth + 1))), "")
