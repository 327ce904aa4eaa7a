"""Speech made fit for whoever is to hear it: recordings to WAV, speech to AMR; in a process of its own."""

from pipeline.ports import MediaStore
from pipeline.replies import StoredMedia
from storage.media.decoder import Decoder
from storage.media.decoder_jobs import Job


class StoredAudio:
    """Implements `AudioStore` over a media store."""

    def __init__(self, media: MediaStore, *, decoder: Decoder | None = None) -> None:
        self._media = media
        self._decoder = decoder or Decoder()

    async def to_wav(self, media: StoredMedia) -> bytes:
        """Implement `AudioStore.to_wav`."""
        made = await self._decoder.make(Job("decode sound"), await self._media.read(media))
        return made.files[0]

    async def keep(self, data: bytes, *, name: str) -> tuple[StoredMedia, ...]:
        """Implement `AudioStore.keep`."""
        made = await self._decoder.make(Job("encode speech"), data)
        return tuple([await self._media.keep(piece, mime="audio/amr", name=f"{name}.amr") for piece in made.files])
