"""Voice messages: brought in, written down, and answered with what was understood above the answer."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from chains.quoting import quoted
from chains.senses import Senses
from pipeline.errors import TooLarge, Undeliverable, Unreadable
from pipeline.outcomes import Draft, Notice, Outcome, Step
from pipeline.ports import Ask
from pipeline.replies import TextReply
from pipeline.words import Words

_QUOTE = 500


@dataclass(frozen=True, slots=True)
class Ear:
    """Takes in voice messages."""

    senses: Senses
    words: Words

    async def understand(self, ask: Ask, media_id: str) -> Outcome | str:
        """Give the words of a voice message, or a sentence that says why there are none."""
        if self.senses.listener is None:
            return self._said("voice.deaf")
        try:
            words = await self.senses.listener.hear(await ask.fetch(media_id))
        except Undeliverable:
            return self._said("voice.gone")
        except TooLarge as error:
            return self._said("voice.too_long", most=error.most)
        except Unreadable:
            return self._said("voice.unreadable")
        return words or self._said("voice.nothing")

    async def quote(self, understood: str, steps: AsyncGenerator[Step]) -> AsyncGenerator[Step]:
        """Put what was understood above an answer, so that a mishearing is seen at once."""
        above = self.words.say("voice.heard", text=quoted(understood, most=_QUOTE))
        async with aclosing(steps):
            async for step in steps:
                match step:
                    case Draft(text):
                        yield Draft(f"{above}\n\n{text}")
                    case Notice():
                        yield step
                    case Outcome(replies=(TextReply(text), *others)):
                        yield replace(step, replies=(TextReply(f"{above}\n\n{text}"), *others))
                    case Outcome(replies=replies):
                        yield replace(step, replies=(TextReply(above), *replies))

    def _said(self, sentence: str, **blanks: object) -> Outcome:
        return Outcome((TextReply(self.words.say(sentence, **blanks)),))
