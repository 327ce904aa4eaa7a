"""Files of AI bots' chats in the pretend WeCom: encrypted for who downloads them, and uploads in pieces."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from Crypto.Cipher import AES

from adapters.simulator.platform.apps import App
from adapters.simulator.platform.errcodes import ApiError
from adapters.simulator.platform.media import UploadStore, check_media

FILE_KEY = base64.b64encode(secrets.token_bytes(32)).decode()
"""What stands beside every address of a file of a bot that is connected."""
_PADDING = 32
_CHUNK_BYTES = 512 * 1024
_MOST_CHUNKS = 100
_INVALID = 40058, "invalid parameter"

Answer = tuple[int, str, dict[str, Any]]


def sealed_file(data: bytes, aes_key: str = FILE_KEY) -> bytes:
    """Return a file as it lies at its address."""
    key = base64.b64decode(aes_key + "=" * (-len(aes_key) % 4))
    padding = _PADDING - len(data) % _PADDING
    return AES.new(key, AES.MODE_CBC, iv=key[:16]).encrypt(data + bytes([padding]) * padding)


@dataclass(slots=True)
class _Upload:
    kind: str
    name: str
    size: int
    count: int
    md5: str
    chunks: dict[int, bytes] = field(default_factory=dict)


class BotUploads:
    """Puts uploads together, chunk by chunk in any order."""

    def __init__(self, store: UploadStore) -> None:
        self._store = store
        self._begun: dict[str, _Upload] = {}

    def take(self, app: App, cmd: str, body: Mapping[str, Any]) -> Answer:
        """Answer one step of an upload."""
        if cmd == "aibot_upload_media_init":
            return self._begin(body)
        upload = self._begun.get(str(body.get("upload_id")))
        if upload is None:
            return (*_INVALID, {})
        if cmd == "aibot_upload_media_chunk":
            return self._add(upload, body)
        return self._finish(app, upload)

    def _begin(self, body: Mapping[str, Any]) -> Answer:
        match body:
            case {
                "type": "file" | "image" | "voice" | "video" as kind,
                "filename": str(name),
                "total_size": int(size),
                "total_chunks": int(count),
                "md5": str(md5),
            } if 0 < len(name.encode()) <= 256 and size >= 5 and 0 < count <= _MOST_CHUNKS:  # noqa: PLR2004
                upload_id = secrets.token_hex(8)
                self._begun[upload_id] = _Upload(kind, name, size, count, md5)
                return 0, "ok", {"body": {"upload_id": upload_id}}
            case _:
                return (*_INVALID, {})

    def _add(self, upload: _Upload, body: Mapping[str, Any]) -> Answer:
        index = body.get("chunk_index")
        try:
            data = base64.b64decode(str(body.get("base64_data")), validate=True)
        except ValueError:
            return (*_INVALID, {})
        if not isinstance(index, int) or not 0 <= index < upload.count or not 0 < len(data) <= _CHUNK_BYTES:
            return (*_INVALID, {})
        upload.chunks[index] = data
        return 0, "ok", {}

    def _finish(self, app: App, upload: _Upload) -> Answer:
        data = b"".join(data for _, data in sorted(upload.chunks.items()))
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if len(upload.chunks) != upload.count or len(data) != upload.size or digest != upload.md5:
            return (*_INVALID, {})
        try:
            check_media(upload.kind, data)
        except ApiError as refusal:
            return refusal.errcode, "invalid media", {}
        media = self._store.put(app.corp_id, upload.kind, data, name=upload.name)
        return 0, "ok", {"body": {"type": upload.kind, "media_id": media.label.media_id, "created_at": "1380000000"}}
