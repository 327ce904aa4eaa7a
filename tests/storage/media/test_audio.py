"""Recordings to WAV and speech to AMR, by the ffmpeg that comes in the wheel."""

from io import BytesIO
from pathlib import Path

import av
import pytest

from pipeline.errors import TooLarge, Undeliverable, Unreadable
from pipeline.replies import StoredMedia
from storage.media.audio import StoredAudio
from storage.media.files import MediaFolder
from storage.media.transcode import PIECE_SECONDS, to_amr, to_wav
from tests.fakes.recordings import amr_seconds, heard, speex, tone, wave_head


@pytest.fixture
def media(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


@pytest.fixture
def sounds(media: MediaFolder) -> StoredAudio:
    return StoredAudio(media)


async def kept(media: MediaFolder, data: bytes) -> StoredMedia:
    return await media.keep(data, mime="audio/amr", name="voice.amr")


def encoded(codec: str, container: str, rate: int) -> bytes:
    """Two seconds of a tone, as a speech model might give them."""
    target = BytesIO()
    with av.open(target, "w", format=container) as out, av.open(BytesIO(tone(2.0, rate=rate)), "r") as sound:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        for frame in (*sound.decode(audio=0), None):
            out.mux(stream.encode(frame))
    return target.getvalue()


async def test_speech_becomes_amr_and_amr_becomes_wav_with_the_tone_still_in_it(
    media: MediaFolder, sounds: StoredAudio
) -> None:
    (spoken,) = await sounds.keep(tone(2.0, hertz=440), name="answer")
    rate, seconds, hertz = heard(await sounds.to_wav(spoken))

    assert ("audio/amr", "answer.amr") == (spoken.mime, spoken.name)
    assert pytest.approx(2.0, abs=0.05) == amr_seconds(await media.read(spoken))
    assert pytest.approx((16_000, 2.0, 440), rel=0.03) == (rate, seconds, hertz)


async def test_long_speech_is_cut_into_messages_of_a_minute(media: MediaFolder, sounds: StoredAudio) -> None:
    pieces = await sounds.keep(tone(2 * PIECE_SECONDS + 3, rate=8000), name="answer")
    lengths = [amr_seconds(await media.read(piece)) for piece in pieces]

    assert [60.0, 60.0, pytest.approx(3.0, abs=0.1)] == lengths


async def test_speex_is_read(media: MediaFolder, sounds: StoredAudio) -> None:
    rate, seconds, _ = heard(await sounds.to_wav(await kept(media, speex(100))))

    assert pytest.approx((16_000, 2.0), rel=0.05) == (rate, seconds)


async def test_a_recording_that_breaks_off_is_heard_to_where_it_does(media: MediaFolder, sounds: StoredAudio) -> None:
    (spoken,) = await sounds.keep(tone(4.0), name="answer")
    whole = await media.read(spoken)
    _, seconds, _ = heard(await sounds.to_wav(await kept(media, whole[: len(whole) // 2])))

    assert pytest.approx(2.0, abs=0.1) == seconds


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello, this is text" * 40, id="text"),
        pytest.param(b"#!AMR\n", id="a head alone"),
        pytest.param(b"\x02#!SILK_V3" + bytes(100), id="an encoding nobody reads"),
    ],
)
async def test_what_is_no_recording_is_said_to_be_none(media: MediaFolder, sounds: StoredAudio, data: bytes) -> None:
    recording = await kept(media, data)

    with pytest.raises(Unreadable):
        await sounds.to_wav(recording)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"ffconcat version 1.0\nfile data/other.wav\n", id="a list of files"),
        pytest.param(
            b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 0.0.0.0\nt=0 0\nm=audio 52101 RTP/AVP 0\n", id="SDP"
        ),
        pytest.param(b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nfile:///etc/hostname\n", id="HLS"),
        pytest.param(b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>", id="DASH"),
        pytest.param(b"ID3\x04\x00\x00\x00\x00\x00\x00ffconcat version 1.0\nfile data/other.wav\n", id="a list as MP3"),
        pytest.param(wave_head(rate=0), id="no rate"),
        pytest.param(wave_head(rate=1), id="a sample a second"),
        pytest.param(wave_head(rate=2**31), id="a rate beyond all"),
        pytest.param(wave_head(rate=2**31 - 1), id="the highest rate"),
        pytest.param(wave_head(channels=0), id="no channel"),
        pytest.param(wave_head(channels=9), id="nine channels"),
        pytest.param(wave_head(channels=65_535), id="65,535 channels"),
        pytest.param(wave_head(bits=0), id="no bits"),
        pytest.param(wave_head(tag=0x31), id="GSM within WAV"),
        pytest.param(b"RIFF\x00\x00\x00\x00WAVE", id="an empty WAV"),
        pytest.param(b"OggS" + bytes(100), id="an empty Ogg"),
        pytest.param(b"\xff\xfb" * 500, id="heads of MP3"),
        pytest.param(b"\xff\xf1" * 500, id="heads of AAC"),
        pytest.param(b"fLaC" + b"\xff" * 100, id="a broken FLAC"),
        pytest.param(b"\x1aE\xdf\xa3" + bytes(100), id="Matroska"),
        pytest.param(bytes(4) + b"ftypM4A " + bytes(100), id="MP4"),
    ],
)
async def test_what_is_no_sound_of_a_kind_we_read_is_refused(
    media: MediaFolder, sounds: StoredAudio, data: bytes
) -> None:
    recording = await kept(media, data)

    with pytest.raises(Unreadable):
        await sounds.to_wav(recording)


@pytest.mark.parametrize(
    ("codec", "container", "rate"),
    [("libmp3lame", "mp3", 24_000), ("libopus", "ogg", 48_000), ("flac", "flac", 24_000), ("aac", "adts", 24_000)],
)
async def test_what_speech_comes_in_is_read(
    media: MediaFolder, sounds: StoredAudio, codec: str, container: str, rate: int
) -> None:
    _, seconds, hertz = heard(await sounds.to_wav(await kept(media, encoded(codec, container, rate))))

    assert pytest.approx((2.0, 440), rel=0.05) == (seconds, hertz)


async def test_no_more_than_five_minutes_are_heard(media: MediaFolder, sounds: StoredAudio) -> None:
    recording = await kept(media, tone(301, rate=4000))

    with pytest.raises(TooLarge, match="more than 300 s"):
        await sounds.to_wav(recording)


async def test_a_recording_that_is_gone_is_said_to_be(sounds: StoredAudio) -> None:
    with pytest.raises(Undeliverable):
        await sounds.to_wav(StoredMedia("0" * 64, "audio/amr", "voice.amr", 6))


WAVE = tone(1.0, rate=8000)
AMR = next(to_amr(WAVE))
MP3 = encoded("libmp3lame", "mp3", 24_000)
OGG = encoded("libopus", "ogg", 48_000)
FLAC = encoded("flac", "flac", 24_000)


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        pytest.param(WAVE[:40] + b"\xff" * 4 + WAVE[44:], 1.0, id="a WAV that says 4 GB"),
        pytest.param((b"RIFF\xff\xff\xff\xffWAVE") * 1000 + WAVE, 0, id="WAV in WAV"),
        pytest.param(WAVE[:12] + (b"junk" + bytes(4)) * 20_000 + WAVE[12:], 1.0, id="a WAV of 20,000 empty parts"),
        pytest.param(WAVE[:16] + b"\xff\xff\xff\x7f" + WAVE[20:], 0, id="a head of 2 GB"),
        pytest.param(MP3 + bytes(200_000), 2.0, id="zeros behind an MP3"),
        pytest.param(b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + MP3, 0, id="a tag of 256 MB"),
        pytest.param(b"ID3\x04\x00\x00\x00\x00\x00\x00" * 5000 + MP3, 2.0, id="5,000 empty tags"),
        pytest.param(MP3[: len(MP3) // 2] + OGG + MP3[len(MP3) // 2 :], 1.0, id="an Ogg within an MP3"),
        pytest.param(OGG[: len(OGG) // 2], 0.9, id="half an Ogg"),
        pytest.param(OGG + OGG, 4.0, id="an Ogg behind an Ogg"),
        pytest.param(FLAC[:8] + b"\xff" * 34 + FLAC[42:], 0, id="a FLAC whose head is all ones"),
        pytest.param(AMR[:6] + b"\xff" * 5000, 0, id="AMR of frames there are not"),
        pytest.param(AMR + bytes(3), 1.0, id="a byte too many of AMR"),
    ],
)
def test_a_recording_that_lies_is_heard_or_refused(data: bytes, seconds: float) -> None:
    """Within what a recording may take; `seconds` of 0 stands for nothing that can be heard."""
    try:
        _, found, _ = heard(to_wav(data))
    except Unreadable:
        found = 0.0

    assert pytest.approx(seconds, abs=0.3) == found
