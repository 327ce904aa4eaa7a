"""One answer of a model: what it is told, what it says, and what of that is told on."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

from langchain_core.messages import AIMessage, BaseMessage

from chains.config import ChainBook, ChainConfig
from chains.failures import answer_failed
from chains.heard import Heard
from chains.history import window
from chains.models import ChatModel, Models
from chains.quoting import block
from chains.thinking import Spoken
from pipeline.errors import AnswerFailed, ChainInvalid, SettingsInvalid
from pipeline.outcomes import Draft, Exchange, Outcome, Provenance, Recollection, Said, Step
from pipeline.ports import Ask, Memory
from pipeline.replies import TextReply
from pipeline.settings import Chat


@dataclass(frozen=True, slots=True)
class Conversations:
    """The conversation chain: persona, window and question to the model, its answer to the person."""

    chat: Chat
    memory: Memory
    book: ChainBook
    models: Models

    async def answer(self, ask: Ask, question: str) -> AsyncGenerator[Step]:
        """Yield drafts where the channel shows them, then the answer with what is to be remembered of it.

        Raises `AnswerFailed` for whatever goes wrong with the model.
        """
        chain, model = await self._chosen(ask.chain)
        known = await self.memory.recall(
            ask.event.sender,
            turns=self.chat.turns if chain.turns is None else chain.turns,
            idle_minutes=self.chat.idle_minutes if chain.idle_minutes is None else chain.idle_minutes,
        )
        system_prompt = known.persona or self.chat.system_prompt or chain.system_prompt
        messages = window(system_prompt, known.exchanges, question)
        heard = Heard()
        began = time.perf_counter()
        try:
            if ask.traits.streams:
                async with aclosing(self._drafts(model, messages, heard)) as drafts:
                    async for draft in drafts:
                        yield draft
            else:
                heard.hear(await model.ainvoke(messages))
        except Exception as error:  # noqa: BLE001 - providers and their libraries raise anything
            # The error's own text may quote the question or the key: neither it nor its trace goes further.
            raise answer_failed(error, model=chain.model) from None
        yield self._outcome(question, chain, known, heard, milliseconds=round((time.perf_counter() - began) * 1000))

    async def _chosen(self, name: str) -> tuple[ChainConfig, ChatModel]:
        try:
            chain = self.book.chain(name)
            return chain, await self.models.chat(chain.model)
        except (ChainInvalid, SettingsInvalid) as error:
            raise AnswerFailed(str(error), reason="model.setup") from error

    async def _drafts(self, model: ChatModel, messages: list[BaseMessage], heard: Heard) -> AsyncGenerator[Draft]:
        last = ""
        pieces = cast("AsyncGenerator[AIMessage]", model.astream(messages))
        async with aclosing(pieces):
            async for piece in pieces:
                heard.hear(piece)
                shown = self._shown(heard.spoken(whole=False))
                if shown and shown != last:
                    last = shown
                    yield Draft(shown)

    def _outcome(
        self, question: str, chain: ChainConfig, known: Recollection, heard: Heard, *, milliseconds: int
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
        said = Said(Exchange(question, spoken.said), made_by, known.conversation)
        return Outcome((TextReply(self._shown(spoken)),), (said,))

    def _shown(self, spoken: Spoken) -> str:
        if self.chat.hide_thinking or not spoken.thought:
            return spoken.said
        return f"{block(spoken.thought)}\n\n{spoken.said}".rstrip()
