"""Voice input: fetched, transcribed, and quoted above the answer."""

from asyncio import CancelledError
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from chains.media.services import SPEECH, MediaServices
from chains.media.speech import Transcription
from chains.models.budget import Budget
from chains.models.prices import alone, charged, charging
from pipeline.answer import Notice, Outcome, PartialAnswer, Step, TokenUsage
from pipeline.errors import AnswerFailed, TooLarge, Undeliverable, Unreadable
from pipeline.ports import AnswerRequest
from pipeline.replies import TextReply
from pipeline.text.i18n import Catalogue
from pipeline.text.markdown.escape import escape_markdown

_QUOTE = 500
_MOST_KEPT = 100
"""Transcripts of turns that are to be tried again; one that is dropped is paid for again."""


@dataclass(eq=False, slots=True)
class VoiceTranscriber:
    """Takes in voice messages."""

    media_services: MediaServices
    catalogue: Catalogue
    budget: Budget
    _kept: dict[tuple[str, str], Transcription] = field(default_factory=dict, repr=False, compare=False)
    """Transcripts of turns whose answer broke or was put off, by event and recording: their cost is recorded."""

    async def transcribe(self, ask: AnswerRequest, media_id: str) -> Outcome | Transcription:
        """Return the words of a voice message, or a sentence that says why there are none."""
        kept = self._kept.pop((ask.event.key, media_id), None)
        return kept if kept is not None else await self._transcribe(ask, media_id)

    async def _transcribe(self, ask: AnswerRequest, media_id: str) -> Outcome | Transcription:
        if self.media_services.speech_to_text is None:
            return self._problem("voice.deaf")
        if (refused := await self.budget.refusal(SPEECH, ask)) is not None:
            return refused
        try:
            transcription = await self.media_services.speech_to_text.transcribe(await ask.fetch(media_id))
        except Undeliverable:
            return self._problem("voice.gone")
        except TooLarge as error:
            return self._problem("voice.too_long", most=error.most)
        except Unreadable:
            return self._problem("voice.unreadable")
        self.budget.paid(alone(transcription.took))
        return transcription if transcription.words else charged(self._problem("voice.nothing"), transcription.took)

    async def answer(
        self, ask: AnswerRequest, media_id: str, understood: Transcription, steps: AsyncGenerator[Step]
    ) -> AsyncGenerator[Step]:
        """Yield the answer to a voice message; where it is to be made once more, its transcript is kept for that."""
        try:
            async with aclosing(self._quoting(understood, steps)) as quoted:
                async for step in quoted:
                    yield step
        except (AnswerFailed, CancelledError, GeneratorExit):
            raise
        except Exception:
            while len(self._kept) >= _MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            # What listening took is recorded with the turn that is put off.
            paid = replace(understood, took=TokenUsage(understood.took.model, 0, 0, 0))
            self._kept[ask.event.key, media_id] = paid
            raise

    async def _quoting(self, understood: Transcription, steps: AsyncGenerator[Step]) -> AsyncGenerator[Step]:
        """Yield an answer with the recognised text above it, so that a mistake in it is seen at once."""
        above = self.catalogue.text("voice.heard", text=escape_markdown(understood.words, most=_QUOTE))
        async with aclosing(charging(steps, (understood.took,))) as steps_with_cost:
            async for step in steps_with_cost:
                match step:
                    case PartialAnswer(text):
                        yield replace(step, text=f"{above}\n\n{text}")
                    case Notice():
                        yield step
                    case Outcome(replies=(TextReply(text), *others)):
                        yield replace(step, replies=(TextReply(f"{above}\n\n{text}"), *others))
                    case Outcome(replies=replies):
                        yield replace(step, replies=(TextReply(above), *replies))

    def _problem(self, sentence: str, **blanks: object) -> Outcome:
        return Outcome((TextReply(self.catalogue.text(sentence, **blanks)),))
