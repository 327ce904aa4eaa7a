"""Recordings to WAV and speech to AMR, by the ffmpeg that comes in the wheel."""

from pathlib import Path

import pytest

from pipeline.errors import Undeliverable, Unreadable
from pipeline.replies import StoredMedia
from storage.media import MediaFolder
from storage.recordings import PIECE_SECONDS
from storage.sounds import SoundFolder
from tests.fakes.recordings import amr_seconds, heard, speex, tone


@pytest.fixture
def media(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


@pytest.fixture
def sounds(media: MediaFolder) -> SoundFolder:
    return SoundFolder(media)


async def kept(media: MediaFolder, data: bytes) -> StoredMedia:
    return await media.keep(data, mime="audio/amr", name="voice.amr")


async def test_speech_becomes_amr_and_amr_becomes_wav_with_the_tone_still_in_it(
    media: MediaFolder, sounds: SoundFolder
) -> None:
    (spoken,) = await sounds.keep(tone(2.0, hertz=440), name="answer")
    rate, seconds, hertz = heard(await sounds.wave(spoken))

    assert ("audio/amr", "answer.amr") == (spoken.mime, spoken.name)
    assert pytest.approx(2.0, abs=0.05) == amr_seconds(await media.read(spoken))
    assert pytest.approx((16_000, 2.0, 440), rel=0.03) == (rate, seconds, hertz)


async def test_long_speech_is_cut_into_messages_of_a_minute(media: MediaFolder, sounds: SoundFolder) -> None:
    pieces = await sounds.keep(tone(2 * PIECE_SECONDS + 3, rate=8000), name="answer")
    lengths = [amr_seconds(await media.read(piece)) for piece in pieces]

    assert [60.0, 60.0, pytest.approx(3.0, abs=0.1)] == lengths


async def test_speex_is_read(media: MediaFolder, sounds: SoundFolder) -> None:
    rate, seconds, _ = heard(await sounds.wave(await kept(media, speex(100))))

    assert pytest.approx((16_000, 2.0), rel=0.05) == (rate, seconds)


async def test_a_recording_that_breaks_off_is_heard_to_where_it_does(media: MediaFolder, sounds: SoundFolder) -> None:
    (spoken,) = await sounds.keep(tone(4.0), name="answer")
    whole = await media.read(spoken)
    _, seconds, _ = heard(await sounds.wave(await kept(media, whole[: len(whole) // 2])))

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
async def test_what_is_no_recording_is_said_to_be_none(media: MediaFolder, sounds: SoundFolder, data: bytes) -> None:
    recording = await kept(media, data)

    with pytest.raises(Unreadable):
        await sounds.wave(recording)


async def test_no_more_than_five_minutes_are_heard(media: MediaFolder, sounds: SoundFolder) -> None:
    recording = await kept(media, tone(301, rate=4000))

    with pytest.raises(Unreadable, match="more than 300 s"):
        await sounds.wave(recording)


async def test_a_recording_that_is_gone_is_said_to_be(sounds: SoundFolder) -> None:
    with pytest.raises(Undeliverable):
        await sounds.wave(StoredMedia("0" * 64, "audio/amr", "voice.amr", 6))
