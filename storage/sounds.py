"""Speech made fit for whoever is to hear it: recordings to WAV, speech to AMR; off the event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from pipeline.ports import MediaStore
from pipeline.replies import StoredMedia

_AT_ONCE = 2

Made = TypeVar("Made")


class SoundFolder:
    """Implements `Sounds` over a media store."""

    def __init__(self, media: MediaStore) -> None:
        self._media = media
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def wave(self, media: StoredMedia) -> bytes:
        """Implement `Sounds.wave`."""
        data = await self._media.read(media)
        return await self._aside(lambda: _waved(data))

    async def keep(self, data: bytes, *, name: str) -> tuple[StoredMedia, ...]:
        """Implement `Sounds.keep`."""
        pieces = await self._aside(lambda: _amr(data))
        return tuple([await self._media.keep(piece, mime="audio/amr", name=f"{name}.amr") for piece in pieces])

    async def _aside(self, work: Callable[[], Made]) -> Made:
        async with self._room:
            return await asyncio.to_thread(work)


def _waved(data: bytes) -> bytes:
    from storage.recordings import waved  # noqa: PLC0415 -- only where somebody speaks

    return waved(data)


def _amr(data: bytes) -> tuple[bytes, ...]:
    from storage.recordings import amr  # noqa: PLC0415 -- the same

    return tuple(amr(data))
