"""Pictures made fit for a channel or for a model, in a process of their own; each is made small once."""

from pipeline.replies import StoredMedia
from storage.media.decoder import Decoder
from storage.media.decoder_jobs import Job
from storage.media.files import MediaFolder

LARGEST = 10 * 1024 * 1024
"""Bytes a picture may have in a message (wecom-protocol.md 5)."""

_SMALL = "small"
_FILES = {"JPEG": ("image/jpeg", ".jpg"), "PNG": ("image/png", ".png")}


class StoredImages:
    """Implements `Pictures` over the media folder."""

    def __init__(self, media: MediaFolder, *, largest: int = LARGEST, decoder: Decoder | None = None) -> None:
        self._media = media
        self._largest = largest
        self._decoder = decoder or Decoder()

    async def keep(self, data: bytes, *, name: str) -> StoredMedia:
        """Implement `Pictures.keep`."""
        made = await self._decoder.make(Job("fit picture", self._largest), data)
        mime, ending = _FILES[made.format]
        return await self._media.keep(made.files[0], mime=mime, name=name + ending)

    async def thumbnail(self, media: StoredMedia) -> bytes:
        """Implement `Pictures.shrunk`."""
        small = await self._media.read_variant(media, _SMALL)
        if small is None:
            made = await self._decoder.make(Job("shrink picture"), await self._media.read(media))
            small = made.files[0]
            await self._media.keep_variant(media, _SMALL, small)
        return small
