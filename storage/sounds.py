"""Speech made fit for whoever is to hear it: recordings to WAV, speech to AMR; by ffmpeg in process, off the loop."""

import asyncio
import wave
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import islice
from typing import TypeVar

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from pipeline.errors import Unreadable
from pipeline.ports import MediaStore
from pipeline.replies import StoredMedia

PIECE_SECONDS = 60
"""Seconds one voice message may have (D:90253)."""

_LONGEST_SECONDS = 300
_HEARD_RATE = 16_000
_AMR_RATE = 8_000
_AMR_BITS = 12_200
_AMR_HEAD = b"#!AMR\n"
_AMR_FRAMES_A_SECOND = 50
_SAMPLE_BYTES = 2
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
        pieces = await self._aside(lambda: tuple(_amr(data)))
        return tuple([await self._media.keep(piece, mime="audio/amr", name=f"{name}.amr") for piece in pieces])

    async def _aside(self, work: Callable[[], Made]) -> Made:
        async with self._room:
            return await asyncio.to_thread(work)


def _samples(data: bytes, rate: int, frame_size: int = 0) -> Iterator[AudioFrame]:
    """Yield what a recording sounds like, mono, at a rate; whatever it is encoded in."""
    seconds = 0.0
    try:
        with av.open(BytesIO(data), "r") as container:
            if not container.streams.audio:
                raise Unreadable("a file without sound")
            resampler = AudioResampler(format="s16", layout="mono", rate=rate, frame_size=frame_size or None)
            for frame in container.decode(container.streams.audio[0]):
                seconds += frame.samples / frame.sample_rate
                if seconds > _LONGEST_SECONDS:
                    raise Unreadable(f"a recording of more than {_LONGEST_SECONDS} s")
                yield from resampler.resample(frame)
            yield from resampler.resample(None)
    except (FFmpegError, ValueError, EOFError) as error:
        if seconds:
            # The end is cut off, as by a lost connection; what was said before it is worth having.
            return
        raise Unreadable(f"{len(data)} bytes that are no recording we can read: {type(error).__name__}") from error


def _waved(data: bytes) -> bytes:
    sound = b"".join(bytes(frame.planes[0])[: frame.samples * _SAMPLE_BYTES] for frame in _samples(data, _HEARD_RATE))
    if not sound:
        raise Unreadable("a recording without a single sample")
    target = BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(_SAMPLE_BYTES)
        file.setframerate(_HEARD_RATE)
        file.writeframes(sound)
    return target.getvalue()


def _amr(data: bytes) -> Iterator[bytes]:
    """Yield AMR files of at most `PIECE_SECONDS` each."""
    frames = _amr_frames(data)
    while piece := b"".join(islice(frames, PIECE_SECONDS * _AMR_FRAMES_A_SECOND)):
        yield _AMR_HEAD + piece


def _amr_frames(data: bytes) -> Iterator[bytes]:
    encoder = av.CodecContext.create("libopencore_amrnb", "w")
    assert isinstance(encoder, av.AudioCodecContext)  # noqa: S101 - tells the type checker what the name says
    encoder.sample_rate = _AMR_RATE
    encoder.layout = "mono"
    encoder.format = "s16"
    encoder.bit_rate = _AMR_BITS
    for frame in _samples(data, _AMR_RATE, frame_size=_AMR_RATE // _AMR_FRAMES_A_SECOND):
        frame.pts = None
        yield from (bytes(packet) for packet in encoder.encode(frame))
    yield from (bytes(packet) for packet in encoder.encode(None))
