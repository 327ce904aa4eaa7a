"""Files by the SHA-256 of their bytes, in a folder: the same picture sent twice is kept once."""

import asyncio
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile

from pipeline.errors import TryAgain, Undeliverable
from pipeline.replies import StoredMedia
from pipeline.text.i18n import Sentence, os_reason

_VARIANT = "."
"""Between a file's digest and the name of what was made of it."""
_PROBE_BYTES = 4096


class MediaFolder:
    """Implements `MediaStore` over a folder; no file work is done on the event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, data: bytes, *, mime: str, name: str) -> StoredMedia:
        """Implement `MediaStore.keep`."""
        digest = sha256(data).hexdigest()
        await asyncio.to_thread(self._write, digest, data)
        return StoredMedia(digest, mime, name, len(data))

    async def probe(self) -> None:
        """Write into the folder, which is not made for that, and leave nothing there.

        Raises:
            TryAgain: that cannot be done; its code is the system's reason.
        """
        try:
            await asyncio.to_thread(self._try_write)
        except OSError as error:
            reason = os_reason(error)
            raise TryAgain(reason, code=reason) from None

    def _try_write(self) -> None:
        with TemporaryFile(dir=self._folder) as tried:
            tried.write(bytes(_PROBE_BYTES))
            tried.flush()

    async def read(self, media: StoredMedia) -> bytes:
        """Implement `MediaStore.read`."""
        try:
            return await asyncio.to_thread(self._path(media.sha256).read_bytes)
        except FileNotFoundError:
            raise Undeliverable(Sentence("reason.file_gone", digest=media.sha256[:12], mime=media.mime)) from None

    async def read_variant(self, media: StoredMedia, name: str) -> bytes | None:
        """Return what was made of a file and kept under a name; None if nothing was, or the file is gone."""
        try:
            return await asyncio.to_thread(self._variant(media.sha256, name).read_bytes)
        except FileNotFoundError:
            return None

    async def keep_variant(self, media: StoredMedia, name: str, data: bytes) -> None:
        """Keep what was made of a file, until the file itself is removed."""
        await asyncio.to_thread(self._write_variant, media.sha256, name, data)

    async def remove(self, digests: Collection[str]) -> int:
        """Remove files by their digests; return how many there were."""
        return await asyncio.to_thread(self._remove, digests)

    def _remove(self, digests: Collection[str]) -> int:
        gone = 0
        for digest in digests:
            with suppress(FileNotFoundError):
                self._unlink(self._path(digest))
                gone += 1
        return gone

    async def stored_before(self, moment: float) -> set[str]:
        """Return the digests of files that were last stored before a moment, in seconds since 1970."""
        return {file.name for file in await asyncio.to_thread(lambda: list(self._old(moment)))}

    async def sweep(self, *, before: float, held: Collection[str] = ()) -> int:
        """Remove files that were last stored before a moment, but for those `held`; return how many went."""
        return await asyncio.to_thread(self._sweep, before, held)

    def _sweep(self, before: float, held: Collection[str]) -> int:
        gone = 0
        for file in self._old(before):
            if file.name not in held:
                with suppress(FileNotFoundError):
                    self._unlink(file)
                    gone += 1
        return gone

    def _old(self, before: float) -> Iterator[Path]:
        for folder in self._folder.glob("??"):
            for file in folder.iterdir():
                if _VARIANT in file.name:
                    # It goes with its file.
                    continue
                # Another may be at it too, or have stored the file anew just now.
                with suppress(FileNotFoundError):
                    if file.stat().st_mtime < before:
                        yield file

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _variant(self, digest: str, name: str) -> Path:
        return self._folder / digest[:2] / f"{digest}{_VARIANT}{name}"

    def _unlink(self, path: Path) -> None:
        """Remove a file and what was made of it; `FileNotFoundError` if only the latter was there."""
        # Before, so that a crash in between leaves no orphan; and after, for what was being made of it meanwhile.
        self._unlink_variants(path)
        try:
            path.unlink()
        finally:
            self._unlink_variants(path)

    def _unlink_variants(self, path: Path) -> None:
        for variant in path.parent.glob(f"{path.name}{_VARIANT}*"):
            variant.unlink(missing_ok=True)

    def _write(self, digest: str, data: bytes) -> None:
        path = self._path(digest)
        with suppress(FileNotFoundError):
            # Stored once more, it is kept as long as if it were new.
            os.utime(path)
            return
        self._write_whole(path, data)

    def _write_variant(self, digest: str, name: str, data: bytes) -> None:
        variant = self._variant(digest, name)
        self._write_whole(variant, data)
        if not self._path(digest).exists():
            # Its file was removed while this was made of it, perhaps because a person wanted to be forgotten.
            variant.unlink(missing_ok=True)

    def _write_whole(self, path: Path, data: bytes) -> None:
        """Write a file whole or not at all: a crash must not leave half of one under a name that promises its content.

        A data_dir that was removed is not made anew: what else lay in it is missing, and /readyz says so.
        """
        self._folder.mkdir(exist_ok=True, mode=0o700)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        with NamedTemporaryFile(dir=path.parent, delete=False) as half:
            half.write(data)
            half.flush()
            os.fsync(half.fileno())
        Path(half.name).replace(path)
