"""Decode recordings and encode speech, by ffmpeg. Pure; run in a process of its own by `storage.media.decoder`."""

import wave
from collections.abc import Iterator
from io import BytesIO
from itertools import islice

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from pipeline.errors import TooLarge, Unreadable
from pipeline.text.i18n import Sentence

PIECE_SECONDS = 60
"""Seconds one voice message may have (wecom-protocol.md 5)."""

LONGEST_SECONDS = 300
"""Seconds of a recording that are listened to."""

# The first bytes, further ones with their place, and ffmpeg's name for who reads them.
_BEGINNINGS = (
    (b"#!AMR\n", 0, b"", "amr"),
    (b"#!AMR-WB\n", 0, b"", "amr"),
    (b"RIFF", 8, b"WAVE", "wav"),
    (b"OggS", 0, b"", "ogg"),
    (b"fLaC", 0, b"", "flac"),
    (b"ID3", 0, b"", "mp3"),
)
_SYNC = 0xFF
_MP3_MASK = 0xE0
_LAYER = 0x06
# For whatever is within: it opens nothing, and is of an encoding that speech comes in.
_CODECS = (
    *("aac", "amrnb", "amrwb", "flac", "libopencore_amrnb", "libopus", "libspeex", "mp3", "mp3float", "opus", "speex"),
    *("vorbis", "pcm_alaw", "pcm_f32le", "pcm_mulaw", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_u8"),
)
_CLOSED = {
    "protocol_whitelist": "none",
    "format_whitelist": "aac,amr,flac,mp3,ogg,wav",
    "codec_whitelist": ",".join(_CODECS),
    "probesize": "1000000",
    "analyzeduration": "5000000",
}
_LEAST_RATE, _MOST_RATE = 4_000, 192_000
_MOST_CHANNELS = 8
_HEARD_RATE = 16_000
_AMR_RATE = 8_000
_AMR_BITS = 12_200
_AMR_HEAD = b"#!AMR\n"
_AMR_FRAMES_A_SECOND = 50
_SAMPLE_BYTES = 2


def _format_of(data: bytes) -> str:
    """Return the name of the demuxer for a recording, told from its first bytes; whatever else ffmpeg knows stays shut.

    Some of its demuxers open files and sockets that the bytes name: they are for playlists, and for nobody here.
    """
    for beginning, place, more, name in _BEGINNINGS:
        if data.startswith(beginning) and data.startswith(more, place):
            return name
    if len(data) > 1 and data[0] == _SYNC and data[1] & _MP3_MASK == _MP3_MASK:
        # Frames without a head: the two bits of the layer are zero in AAC alone.
        return "mp3" if data[1] & _LAYER else "aac"
    raise Unreadable(Sentence("reason.sound_kind", size=len(data)))


def _samples(data: bytes, rate: int, frame_size: int = 0) -> Iterator[AudioFrame]:
    """Yield what a recording sounds like, mono, at a rate; whatever it is encoded in."""
    seconds = 0.0
    try:
        with av.open(BytesIO(data), "r", format=_format_of(data), options=_CLOSED) as container:
            stream = _stream(container)
            resampler = AudioResampler(format="s16", layout="mono", rate=rate, frame_size=frame_size or None)
            for frame in container.decode(stream):
                # Of each frame, because some encodings change in the middle.
                _check(frame.sample_rate, len(frame.layout.channels))
                seconds += frame.samples / frame.sample_rate
                if seconds > LONGEST_SECONDS:
                    raise TooLarge(Sentence("reason.sound_long", seconds=LONGEST_SECONDS), most=LONGEST_SECONDS // 60)
                yield from resampler.resample(frame)
            yield from resampler.resample(None)
    except (FFmpegError, ValueError, EOFError, OverflowError) as error:
        if seconds:
            # The end is cut off, as by a lost connection; what was said before it is worth having.
            return
        raise Unreadable(Sentence("reason.sound_broken", size=len(data), kind=type(error).__name__)) from error


def _stream(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise Unreadable(Sentence("reason.sound_none"))
    stream = container.streams.audio[0]
    context: AudioCodecContext | None = stream.codec_context
    if context is None:
        raise Unreadable(Sentence("reason.sound_encoding"))
    _check(context.sample_rate, context.channels)
    return stream


def _check(rate: int, channels: int) -> None:
    if not _LEAST_RATE <= rate <= _MOST_RATE or not 1 <= channels <= _MOST_CHANNELS:
        raise Unreadable(Sentence("reason.sound_rate", channels=channels, rate=rate))


def load() -> None:
    """Load what the library loads at its first use, for processes that can open nothing later on."""
    for _ in to_amr(to_wav(_written(bytes(_HEARD_RATE)))):
        pass


def to_wav(data: bytes) -> bytes:
    """Return a recording as WAV, 16 kHz, mono; `Unreadable` for bytes that are none."""
    sound = b"".join(bytes(frame.planes[0])[: frame.samples * _SAMPLE_BYTES] for frame in _samples(data, _HEARD_RATE))
    if not sound:
        raise Unreadable(Sentence("reason.sound_empty"))
    return _written(sound)


def _written(sound: bytes) -> bytes:
    target = BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(_SAMPLE_BYTES)
        file.setframerate(_HEARD_RATE)
        file.writeframes(sound)
    return target.getvalue()


def to_amr(data: bytes) -> Iterator[bytes]:
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
