"""Files by the SHA-256 of their bytes, in a folder: the same picture sent twice is kept once."""

import asyncio
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import time

from pipeline.errors import Undeliverable
from pipeline.replies import StoredMedia

_DAY = 24 * 3600.0


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

    async def remove(self, digests: Collection[str]) -> int:
        """Remove files by their digests; give how many there were."""
        return await asyncio.to_thread(self._remove, digests)

    def _remove(self, digests: Collection[str]) -> int:
        gone = 0
        for digest in digests:
            with suppress(FileNotFoundError):
                self._path(digest).unlink()
                gone += 1
        return gone

    async def old(self, *, days: int) -> set[str]:
        """Give the digests of files that were last stored more than `days` ago."""
        return {file.name for file in await asyncio.to_thread(lambda: list(self._old(time() - days * _DAY)))}

    async def sweep(self, *, days: int, held: Collection[str] = ()) -> int:
        """Remove files that were last stored more than `days` ago, but for those `held`; give how many went."""
        return await asyncio.to_thread(self._sweep, time() - days * _DAY, held)

    def _sweep(self, before: float, held: Collection[str]) -> int:
        gone = 0
        for file in self._old(before):
            if file.name not in held:
                file.unlink(missing_ok=True)
                gone += 1
        return gone

    def _old(self, before: float) -> Iterator[Path]:
        for folder in self._folder.glob("??"):
            for file in folder.iterdir():
                # Another may be at it too, or have stored the file anew just now.
                with suppress(FileNotFoundError):
                    if file.stat().st_mtime < before:
                        yield file

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _write(self, digest: str, data: bytes) -> None:
        path = self._path(digest)
        with suppress(FileNotFoundError):
            # Stored once more, it is kept as long as if it were new.
            os.utime(path)
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Whole or not at all: a crash must not leave half a file under a name that promises its content.
        with NamedTemporaryFile(dir=path.parent, delete=False) as half:
            half.write(data)
            half.flush()
            os.fsync(half.fileno())
        Path(half.name).replace(path)
