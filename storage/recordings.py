"""Recordings into samples and back, by ffmpeg in process; imported when somebody speaks, for it weighs 20 MB."""

import wave
from collections.abc import Iterator
from io import BytesIO
from itertools import islice

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from pipeline.errors import Unreadable

PIECE_SECONDS = 60
"""Seconds one voice message may have (D:90253)."""

_LONGEST_SECONDS = 300
_HEARD_RATE = 16_000
_AMR_RATE = 8_000
_AMR_BITS = 12_200
_AMR_HEAD = b"#!AMR\n"
_AMR_FRAMES_A_SECOND = 50
_SAMPLE_BYTES = 2


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


def waved(data: bytes) -> bytes:
    """Give a recording as WAV, 16 kHz, mono; `Unreadable` for bytes that are none."""
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


def amr(data: bytes) -> Iterator[bytes]:
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
