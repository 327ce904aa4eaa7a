"""Listens to what people say and reads answers aloud, by `[models.speech]` over the OpenAI audio API."""

from dataclasses import dataclass, replace

import structlog

from chains.media.speech_text import speech_text
from chains.models.errors import to_answer_failed
from chains.models.openai.openai_media import OpenAIMedia
from chains.models.prices import took_of
from pipeline.answer import TokenUsage
from pipeline.errors import AnswerFailed, Unreadable
from pipeline.ports import AudioStore
from pipeline.replies import StoredMedia
from pipeline.text.unicode import wellformed

log = structlog.get_logger()

_MOST_HEARD = 20_000
"""Characters of what was written down; five minutes of speech are a quarter of them."""

MOST = 1500
"""Characters an answer may have to be read aloud, some five minutes; nobody listens to a longer one."""

OURS = frozenset({"language", "speaking_model", "voice"})
"""Keys of the table that are not for the model that listens, or are for it alone."""


@dataclass(frozen=True, slots=True)
class Transcription:
    """The words of a recording, empty for none, with what writing them down took."""

    words: str
    took: TokenUsage


@dataclass(frozen=True, slots=True)
class Speech:
    """An answer read aloud, as voice messages, with what that took; none where it could not or need not be."""

    voices: tuple[StoredMedia, ...] = ()
    took: TokenUsage | None = None


class SpeechToText:
    """Writes down what was said."""

    def __init__(self, media: OpenAIMedia, sounds: AudioStore) -> None:
        self._media = media
        self._sounds = sounds

    async def transcribe(self, recording: StoredMedia) -> Transcription:
        """Return the words of a recording.

        Raises `AnswerFailed` when the model does not answer, `Unreadable` and `Undeliverable` for the recording.
        """
        wave = await self._sounds.to_wav(recording)
        table = self._media.table
        fields = {
            "model": table.model,
            "response_format": "json",
            "language": str(table.own.get("language", "")),
            **{key: str(value) for key, value in table.own.items() if key not in OURS},
        }
        try:
            answer = await self._media.send(
                "/audio/transcriptions",
                {key: value for key, value in fields.items() if value},
                ("voice.wav", wave, "audio/wav"),
            )
            return Transcription(wellformed(str(answer["text"]))[:_MOST_HEARD].strip(), took_of(table, answer))
        except Exception as error:  # noqa: BLE001 - providers and their libraries raise anything
            raise to_answer_failed(error, model=self._media.name) from None


class TextToSpeech:
    """Reads answers aloud."""

    def __init__(self, media: OpenAIMedia, sounds: AudioStore) -> None:
        self._media = media
        self._sounds = sounds

    async def synthesise(self, answer: str) -> Speech:
        """Return an answer as voice messages; none if it cannot or need not be said: its words are sent anyway."""
        text = speech_text(answer)
        if not text or len(text) > MOST:
            return Speech()
        table = self._media.table
        took: TokenUsage | None = None
        try:
            sound = await self.speak(text)
            took = replace(took_of(table, None), model=str(table.own["speaking_model"]))
            return Speech(await self._sounds.keep(sound, name="voice"), took)
        except (AnswerFailed, Unreadable) as error:
            log.warning("not_spoken", model=self._media.name, error=str(error))
        except Exception as error:  # noqa: BLE001 - what keeps a sound may raise anything
            log.warning(
                "not_spoken", model=self._media.name, error=str(to_answer_failed(error, model=self._media.name))
            )
        return Speech(took=took)

    async def speak(self, text: str) -> bytes:
        """Return a text read aloud, as the model's server sends it. Raises `AnswerFailed`."""
        own = self._media.table.own
        asked = {
            "model": own["speaking_model"],
            "input": text,
            "voice": own.get("voice", "alloy"),
            "response_format": "wav",
        }
        try:
            return await self._media.post("/audio/speech", asked)
        except Exception as error:  # noqa: BLE001 - providers and their libraries raise anything
            raise to_answer_failed(error, model=self._media.name) from None
