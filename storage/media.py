"""Files by the SHA-256 of their bytes, in a folder: the same picture sent twice is kept once."""

import asyncio
import os
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from pipeline.errors import Undeliverable
from pipeline.replies import StoredMedia


class MediaFolder:
    """Implements `MediaStore` over a folder; no file work is done on the event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, data: bytes, *, mime: str, name: str) -> StoredMedia:
        """Implement `MediaStore.keep`."""
        digest = sha256(data).hexdigest()
        await asyncio.to_thread(self._write, digest, data)
        return StoredMedia(digest, mime, name, len(data))

    async def read(self, media: StoredMedia) -> bytes:
        """Implement `MediaStore.read`."""
        try:
            return await asyncio.to_thread(self._path(media.sha256).read_bytes)
        except FileNotFoundError:
            raise Undeliverable(f"the stored file of {media.name!r} is gone") from None

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _write(self, digest: str, data: bytes) -> None:
        path = self._path(digest)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Whole or not at all: a crash must not leave half a file under a name that promises its content.
        with NamedTemporaryFile(dir=path.parent, delete=False) as half:
            half.write(data)
            half.flush()
            os.fsync(half.fileno())
        Path(half.name).replace(path)
