"""Pictures in the last frame of a stream that WeCom asks for: at most ten, in base64 beside the words."""

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import structlog

from pipeline.errors import Undeliverable
from pipeline.ports import MediaStore
from pipeline.replies import StoredMedia

log = structlog.get_logger()

MOST_PICTURES = 10
_PICTURE_BYTES = 10 * 1024 * 1024
_ALL_BYTES = 30 * 1024 * 1024
"""Of all pictures of one answer: they stand in one body that must be there within five seconds."""


async def picture_items(media: MediaStore, pictures: Sequence[StoredMedia]) -> list[dict[str, Any]]:
    """Return the pictures as WeCom takes them; one that is gone or too large is left out."""
    items: list[dict[str, Any]] = []
    room = _ALL_BYTES
    for picture in pictures[:MOST_PICTURES]:
        if picture.size > min(_PICTURE_BYTES, room):
            log.warning("bot_picture_left_out", reason="too large", size=picture.size)
            continue
        try:
            data = await media.read(picture)
        except Undeliverable:
            log.warning("bot_picture_left_out", reason="gone")
            continue
        room -= len(data)
        items.append(await asyncio.to_thread(_item, data))
    return items


def _item(data: bytes) -> dict[str, Any]:
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return {"msgtype": "image", "image": {"base64": base64.b64encode(data).decode(), "md5": md5}}
