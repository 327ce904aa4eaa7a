"""One answer of a model: what it is told, what it says, and what of that is told on."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage

from chains import prompt
from chains.book import ChainBook
from chains.config import ChainConfig
from chains.failures import answer_failed
from chains.heard import Heard
from chains.history import window
from chains.models import ChatModel, Models
from chains.quoting import block
from chains.seeing import Looks, looks_of, still_meant
from chains.senses import Senses
from chains.templates import values
from chains.thinking import Spoken
from pipeline.errors import AnswerFailed, ChainInvalid, SettingsInvalid
from pipeline.outcomes import Draft, Exchange, Outcome, Provenance, Recollection, Said, Step
from pipeline.ports import Ask, Memory
from pipeline.replies import StoredMedia, TextReply
from pipeline.settings import Chat
from pipeline.words import Words


@dataclass(frozen=True, slots=True)
class Conversations:
    """The conversation chain: persona, window and question to the model, its answer to the person."""

    chat: Chat
    memory: Memory
    models: Models
    words: Words
    senses: Senses

    async def answer(
        self, ask: Ask, question: str, book: ChainBook, name: str = "", *, pictures: tuple[StoredMedia, ...] = ()
    ) -> AsyncGenerator[Step]:
        """Yield drafts where the channel shows them, then the answer with what is to be remembered of it.

        `name` is the chain that was called, empty for the channel's own; `pictures` are the question's beside those
        that came just before it. Raises `AnswerFailed` for whatever goes wrong with the model.
        """
        chain, model = await self._chosen(book, name or ask.chain, ask)
        known = await self.memory.recall(
            ask.event.sender,
            turns=self.chat.turns if chain.turns is None else chain.turns,
            idle_minutes=self.chat.idle_minutes if chain.idle_minutes is None else chain.idle_minutes,
        )
        blanks = self.blanks(ask, chain)
        # A chain that was called speaks for itself: a persona would turn the translator into something else.
        instead = "" if name else known.persona or self.chat.system_prompt
        earlier = prompt.earlier(chain, known.exchanges, blanks)
        looks: Looks = {}
        if self.senses.pictures is not None and self.models.sees(chain.model):
            pictures = (*still_meant(known.pictures, ask.event.sent_at, self.chat.picture_seconds), *pictures)
            looks = await looks_of(self.senses.pictures, pictures, earlier)
        messages = window(
            prompt.instructions(chain, blanks, self.words, instead=instead),
            earlier,
            prompt.question(chain, question, blanks),
            pictures=pictures,
            looks=looks,
        )
        options = self.models.options(chain.model, prompt.options(chain))
        heard = Heard()
        began = time.perf_counter()
        try:
            if ask.traits.streams:
                async with aclosing(self._drafts(model, messages, options, heard)) as drafts:
                    async for draft in drafts:
                        yield draft
            else:
                heard.hear(await model.ainvoke(messages, **options))
        except Exception as error:  # noqa: BLE001 - providers and their libraries raise anything
            # The error's own text may quote the question or the key: neither it nor its trace goes further.
            raise answer_failed(error, model=chain.model) from None
        asked = Exchange(question, "", pictures)
        yield self._outcome(asked, chain, known, heard, milliseconds=round((time.perf_counter() - began) * 1000))

    def sees(self, ask: Ask, book: ChainBook) -> bool:
        """Say whether the model that answers on the ask's channel can look at pictures."""
        try:
            return self.models.sees(book.chain(ask.chain, ask.event.sender).model)
        except ChainInvalid:
            return False

    def blanks(self, ask: Ask, chain: ChainConfig) -> dict[str, str]:
        """Give what the chain's templates may name."""
        sender = ask.event.sender
        return values(
            user=sender.user, channel=sender.channel, chain=chain.name, at=ask.event.sent_at, words=self.words
        )

    async def _chosen(self, book: ChainBook, name: str, ask: Ask) -> tuple[ChainConfig, ChatModel]:
        try:
            chain = book.chain(name, ask.event.sender)
            return chain, await self.models.chat(chain.model)
        except (ChainInvalid, SettingsInvalid) as error:
            raise AnswerFailed(str(error), reason="model.setup") from error

    async def _drafts(
        self, model: ChatModel, messages: list[BaseMessage], options: dict[str, Any], heard: Heard
    ) -> AsyncGenerator[Draft]:
        last = ""
        pieces = cast("AsyncGenerator[AIMessage]", model.astream(messages, **options))
        async with aclosing(pieces):
            async for piece in pieces:
                heard.hear(piece)
                shown = self._shown(heard.spoken(whole=False))
                if shown and shown != last:
                    last = shown
                    yield Draft(shown)

    def _outcome(
        self, asked: Exchange, chain: ChainConfig, known: Recollection, heard: Heard, *, milliseconds: int
    ) -> Outcome:
        spoken = heard.spoken(whole=True)
        if not spoken.said:
            filtered = heard.finish in {"content_filter", "sensitive"}
            reason = "model.filtered" if filtered else "model.empty"
            raise AnswerFailed(f"[models.{chain.model}]: empty answer, finished by {heard.finish!r}", reason=reason)
        made_by = Provenance(
            chain=chain.name,
            revision=chain.revision,
            model=heard.model or chain.model,
            input_tokens=heard.input_tokens,
            output_tokens=heard.output_tokens,
            milliseconds=milliseconds,
        )
        # What it thought is not remembered: models are not meant to be given their old thoughts again.
        said = Said(replace(asked, answer=spoken.said), made_by, known.conversation)
        shown = self._shown(spoken)
        # Its underscores and asterisks are no markup.
        return Outcome((TextReply(f"```json\n{shown}\n```" if chain.answer_format == "json" else shown),), (said,))

    def _shown(self, spoken: Spoken) -> str:
        if self.chat.hide_thinking or not spoken.thought:
            return spoken.said
        return f"{block(spoken.thought)}\n\n{spoken.said}".rstrip()
