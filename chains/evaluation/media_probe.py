"""What the models of `[models.image]` and `[models.speech]` do, found out by asking them as the service would."""

import asyncio
import io
import math
import struct
import time
import wave
from dataclasses import dataclass, field, replace

from chains.media.services import IMAGE, open_media_services
from chains.media.speech import SpeechToText
from pipeline.errors import AnswerFailed, Unreadable
from pipeline.replies import StoredMedia
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue, Sentence, in_language

_DRAW = "A red circle on a white background"
_SAY = "One, two, three."
_RATE = 16_000
_PITCH = 440
_LOUDNESS = 8_000
_LONGEST_HEARD = 200


@dataclass(frozen=True, slots=True)
class MediaExamination:
    """What a model for pictures or for speech did; what it was not asked for is empty."""

    model: str
    milliseconds: int = 0
    """How long it drew, or listened."""
    picture: str = ""
    """The size of what it drew, such as 1024x1024."""
    heard: str = ""
    """What it wrote down of its own speech, or of a tone that says nothing."""
    speaking_model: str = ""
    speaking_milliseconds: int = 0
    error: str = ""


async def examine_media_model(settings: Settings, name: str, catalogue: Catalogue) -> MediaExamination:
    """Ask for a picture, or for a sentence read aloud and written down; nothing is stored. Costs a call or two."""
    pictures, sounds = _SeenPictures(), _OneSound()
    table = settings.models[name]
    opened = open_media_services(settings, demo=False, pictures=pictures, sounds=sounds)
    found = MediaExamination(table.model)
    try:
        if opened.image_generator is not None and name == IMAGE:
            drawn = await opened.image_generator.generate(_DRAW)
            return replace(found, milliseconds=drawn.milliseconds, picture=pictures.size)
        if opened.text_to_speech is not None:
            began = time.perf_counter()
            sounds.sound = await opened.text_to_speech.speak(_SAY)
            speaking = str(table.own["speaking_model"])
            found = replace(found, speaking_model=speaking, speaking_milliseconds=_milliseconds_since(began))
        return found if opened.speech_to_text is None else await _listen(found, opened.speech_to_text)
    except AnswerFailed as error:
        return replace(found, error=in_language(error.args[0], catalogue))
    finally:
        await opened.aclose()


async def _listen(found: MediaExamination, listener: SpeechToText) -> MediaExamination:
    began = time.perf_counter()
    transcription = await listener.transcribe(StoredMedia("", "audio/wav", "voice.wav", 0))
    return replace(found, milliseconds=_milliseconds_since(began), heard=transcription.words[:_LONGEST_HEARD])


def _milliseconds_since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)


@dataclass(eq=False, slots=True)
class _SeenPictures:
    """Implements `ImageStore` without keeping anything but a picture's size."""

    size: str = ""

    async def keep(self, data: bytes, *, name: str) -> StoredMedia:
        """Implement `ImageStore.keep`."""
        self.size = await asyncio.to_thread(_size_of, data)
        return StoredMedia("", "", name, len(data))

    async def thumbnail(self, media: StoredMedia) -> bytes:
        """Implement `ImageStore.thumbnail`."""
        raise NotImplementedError


@dataclass(eq=False, slots=True)
class _OneSound:
    """Implements `AudioStore` with what was read aloud last, else with a tone."""

    sound: bytes = field(default=b"", repr=False)

    async def to_wav(self, media: StoredMedia) -> bytes:  # noqa: ARG002 - the protocol's own signature
        """Implement `AudioStore.to_wav`."""
        return self.sound or _tone()

    async def keep(self, data: bytes, *, name: str) -> tuple[StoredMedia, ...]:
        """Implement `AudioStore.keep`."""
        raise NotImplementedError


def _size_of(data: bytes) -> str:
    from PIL import Image  # noqa: PLC0415 - only where a picture was drawn

    try:
        # Reads the head alone.
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF")) as picture:
            return f"{picture.width}x{picture.height}"
    except OSError as error:
        raise Unreadable(Sentence("reason.picture_broken", kind=type(error).__name__)) from error


def _tone() -> bytes:
    """Return a second of a tone as WAV."""
    waves = (round(_LOUDNESS * math.sin(2 * math.pi * _PITCH * at / _RATE)) for at in range(_RATE))
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(struct.pack(f"<{_RATE}h", *waves))
    return written.getvalue()
