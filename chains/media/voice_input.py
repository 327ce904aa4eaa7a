"""Voice input: fetched, transcribed, and quoted above the answer."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from chains.media.services import SPEECH, MediaServices
from chains.media.speech import Transcription
from chains.models.budget import Budget
from chains.models.prices import alone, charged, charging
from pipeline.answer import Notice, Outcome, PartialAnswer, Step
from pipeline.errors import TooLarge, Undeliverable, Unreadable
from pipeline.ports import AnswerRequest
from pipeline.replies import TextReply
from pipeline.text.i18n import Catalogue
from pipeline.text.markdown.escape import escape_markdown

_QUOTE = 500


@dataclass(frozen=True, slots=True)
class VoiceTranscriber:
    """Takes in voice messages."""

    media_services: MediaServices
    catalogue: Catalogue
    budget: Budget

    async def transcribe(self, ask: AnswerRequest, media_id: str) -> Outcome | Transcription:
        """Return the words of a voice message, or a sentence that says why there are none."""
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

    async def quote(self, understood: Transcription, steps: AsyncGenerator[Step]) -> AsyncGenerator[Step]:
        """Return an answer with the recognised text above it, so that a mistake in it is seen at once."""
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
