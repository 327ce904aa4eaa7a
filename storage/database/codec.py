"""Contents and parts as JSON text, told apart by their `kind`."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from pydantic_core import PydanticSerializationError

from pipeline.answer import ImageReceived, ToolUse
from pipeline.events import Content
from pipeline.replies import Part, StoredMedia
from pipeline.text.unicode import wellformed

NO_TOOLS = NO_MEDIA = "[]"

_CONTENT: TypeAdapter[Any] = TypeAdapter(Annotated[Content, Field(discriminator="kind")])
_PART: TypeAdapter[Any] = TypeAdapter(Annotated[Part, Field(discriminator="kind")])
_MEDIA = TypeAdapter(tuple[StoredMedia, ...])
_TOOLS = TypeAdapter(tuple[ToolUse, ...])
_PICTURES = TypeAdapter(tuple[ImageReceived, ...])


def content_to_json(content: Content) -> str:
    """Write a content down."""
    return _dump(_CONTENT, content)


def content_from_json(text: str) -> Content:
    """Read a content back, equal to what was written."""
    content: Content = _CONTENT.validate_json(text)
    return content


def part_to_json(part: Part) -> str:
    """Write a part down."""
    return _dump(_PART, part)


def part_from_json(text: str) -> Part:
    """Read a part back, equal to what was written."""
    part: Part = _PART.validate_json(text)
    return part


def media_to_json(media: tuple[StoredMedia, ...]) -> str:
    """Write references to stored files down; most messages have none."""
    return _dump(_MEDIA, media) if media else NO_MEDIA


def media_from_json(text: str) -> tuple[StoredMedia, ...]:
    """Read references to stored files back."""
    return () if text == NO_MEDIA else _MEDIA.validate_json(text)


def tools_to_json(tools: tuple[ToolUse, ...]) -> str:
    """Write down which tools were used; most answers use none."""
    return _dump(_TOOLS, tools) if tools else NO_TOOLS


def tools_from_json(text: str) -> tuple[ToolUse, ...]:
    """Read back which tools were used."""
    return () if text == NO_TOOLS else _TOOLS.validate_json(text)


def pictures_to_json(pictures: tuple[ImageReceived, ...]) -> str:
    """Write pictures that wait for a question down."""
    return _dump(_PICTURES, pictures)


def pictures_from_json(text: str) -> tuple[ImageReceived, ...]:
    """Read pictures that wait for a question back."""
    return _PICTURES.validate_json(text)


def _dump(adapter: TypeAdapter[Any], value: object) -> str:
    try:
        return adapter.dump_json(value).decode()
    except PydanticSerializationError:
        # Half a surrogate pair: JSON may carry it, UTF-8 may not.
        return json.dumps(_wellformed(adapter.dump_python(value)), ensure_ascii=False, default=datetime.isoformat)


def _wellformed(value: Any) -> Any:  # noqa: ANN401 -- whatever JSON may hold
    if isinstance(value, str):
        return wellformed(value)
    if isinstance(value, Mapping):
        return {key: _wellformed(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_wellformed(each) for each in value]
    return value
