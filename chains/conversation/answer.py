"""Answers a message with a model: prompt, tool loop, replies, and what is recorded."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace

import structlog

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.conversation.generated import GeneratedAnswer
from chains.conversation.generation import NONE, AnswerGenerator
from chains.conversation.history_limits import HistoryLimits
from chains.conversation.model_choice import model_choice_for
from chains.conversation.prompt import spoken_by
from chains.conversation.provenance import build_provenance
from chains.conversation.request import ModelRequest
from chains.conversation.request_log import RequestLog
from chains.conversation.tool_loop import CompletedRound
from chains.media.image_input import recent_images
from chains.media.services import IMAGE, SPEECH, MediaServices
from chains.models.budget import Budget
from chains.models.parsing.json_answer import json_of
from chains.models.parsing.reasoning import ParsedAnswer
from chains.models.prices import alone, charged
from chains.models.registry import ModelRegistry
from chains.tools.draw_picture import NAME as DRAW
from chains.toolset import ToolRegistry
from pipeline import metrics
from pipeline.answer import (
    ConversationContext,
    Exchange,
    ExchangeRecorded,
    FailedUsage,
    Notice,
    Outcome,
    PartialAnswer,
    Provenance,
    Step,
)
from pipeline.errors import AnswerFailed, ChainInvalid
from pipeline.ports import AnswerRequest, ConversationStore
from pipeline.replies import ImageReply, Reply, StoredMedia, TextReply, VoiceReply
from pipeline.settings import Chat
from pipeline.text.i18n import Catalogue, joined_sentences
from pipeline.text.markdown.escape import block_quote

log = structlog.get_logger()


class ConversationAnswerer:
    """The conversation chain: persona, window and question to the model, its answer to the person."""

    def __init__(
        self,
        chat: Chat,
        memory: ConversationStore,
        models: ModelRegistry,
        catalogue: Catalogue,
        media_services: MediaServices,
        tool_registry: ToolRegistry,
        budget: Budget,
        request_log: RequestLog | None = None,
    ) -> None:
        self.chat = chat
        self.memory = memory
        self.models = models
        self.catalogue = catalogue
        self.media_services = media_services
        self.budget = budget
        self._history_limits = HistoryLimits()
        self._request_log = request_log or RequestLog()
        self.generator = AnswerGenerator(
            models,
            chat,
            catalogue,
            tool_registry,
            images=media_services.images,
            fetcher=media_services.fetcher,
        )

    async def answer(
        self,
        ask: AnswerRequest,
        question: str,
        catalog: ChainCatalog,
        name: str = "",
        *,
        pictures: tuple[StoredMedia, ...] = (),
        by_voice: bool = False,
    ) -> AsyncGenerator[Step]:
        """Yield drafts where the channel shows them, then the answer with what is to be remembered of it.

        `name` is the chain that was called, empty for the channel's own; `pictures` are the question's beside those
        that came just before it. Raises `AnswerFailed` for whatever goes wrong with the model.
        """
        chain = self._chain(catalog, name or ask.chain, ask)
        sender = ask.event.sender
        question = spoken_by(ask, question, self.catalogue)
        known = await self.memory.load(
            ask.event.chat,
            turns=self.chat.turns if chain.turns is None else chain.turns,
            idle_minutes=self.chat.idle_minutes if chain.idle_minutes is None else chain.idle_minutes,
        )
        chosen = known.model
        if ask.event.group and not name:
            # Who answers is each person's own choice.
            chosen = (await self.memory.load(sender, turns=0, idle_minutes=self.chat.idle_minutes)).model
        # A chain that was called keeps its own model, for which its words and options were written.
        wanted = chain.model if name else model_choice_for(self.models, chain, sender, chosen=chosen).answering
        model = await self.budget.acquire(wanted, ask)
        if isinstance(model, Outcome):
            yield model
            return
        if self._shows_images(model):
            pictures = (*recent_images(known.pictures, ask.event.sent_at, self.chat.picture_seconds), *pictures)
        request = await self.generator.prepare(
            chain,
            question,
            ask,
            called=bool(name),
            model=model,
            persona=known.persona,
            exchanges=self._history_limits.of(known.conversation, known.exchanges),
            pictures=pictures,
            withheld=await self._withheld(chain, ask),
        )
        logged = self._request_log.begin(request)
        async with aclosing(self.generator.run(request, shown=self._display_text)) as steps:
            async for step in steps:
                match step:
                    case PartialAnswer(text):
                        # Where thoughts are part of the answer, they are not shown twice.
                        yield step if self.chat.hide_thinking else PartialAnswer(text)
                    case Notice():
                        yield step
                    case CompletedRound():
                        logged.add(step)
                    case GeneratedAnswer():
                        logged.end(step)
                        outcome = self._outcome(Exchange(question, "", pictures), request, step, known)
                        yield await self._with_speech(outcome, step.text, chain, ask, by_voice=by_voice)

    async def sees(self, ask: AnswerRequest, catalog: ChainCatalog) -> bool:
        """Whether the model that answers the person on the ask's channel can look at pictures."""
        sender = ask.event.sender
        try:
            chain = catalog.chain(ask.chain, sender)
        except ChainInvalid:
            return False
        known = await self.memory.load(sender, turns=0, idle_minutes=self.chat.idle_minutes)
        wanted = model_choice_for(self.models, chain, sender, chosen=known.model).answering
        return self.models.sees(await self.budget.answering(wanted, sender))

    def _shows_images(self, model: str) -> bool:
        return self.media_services.images is not None and self.models.sees(model)

    async def _withheld(self, chain: ChainConfig, ask: AnswerRequest) -> frozenset[str]:
        """Return the tools that the person's budget does not allow."""
        if DRAW not in chain.tools or await self.budget.allows(IMAGE, ask.event.sender):
            return NONE
        return frozenset((DRAW,))

    def _chain(self, catalog: ChainCatalog, name: str, ask: AnswerRequest) -> ChainConfig:
        try:
            return catalog.chain(name, ask.event.sender)
        except ChainInvalid as error:
            raise AnswerFailed(joined_sentences(error.problems), reason="model.setup") from error

    def _outcome(
        self,
        asked: Exchange,
        request: ModelRequest,
        generated: GeneratedAnswer,
        known: ConversationContext,
    ) -> Outcome:
        """Return what is to be sent and remembered; raises the answer's failure with what it cost."""
        taken = generated.usage(self.models)
        origin = replace(
            build_provenance(request.chain, generated.model, taken, milliseconds=generated.milliseconds),
            tools=generated.tools,
            cut=generated.cut,
        )
        if taken:
            self.budget.paid(origin)
        if generated.failure is not None:
            generated.failure.wasted = _failed_usage(origin)
            raise generated.failure from None
        # What it thought is not remembered: models are not meant to be given their old thoughts again.
        exchange = replace(asked, answer=generated.text, drawn=tuple(each.media for each in generated.images))
        shown = self._display_text(ParsedAnswer(generated.reasoning, generated.text))
        # Its underscores and asterisks are no markup.
        is_json = request.chain.answer_format == "json" and bool(json_of(shown))
        replies: list[Reply] = [TextReply(f"```json\n{shown}\n```" if is_json else shown)]
        replies += (TextReply(self.catalogue.text(key)) for key in self._remarks(request, generated, known))
        replies += [ImageReply(picture) for picture in exchange.drawn]
        return Outcome(tuple(replies), (ExchangeRecorded(exchange, origin, known.conversation),))

    def _remarks(self, request: ModelRequest, generated: GeneratedAnswer, known: ConversationContext) -> Iterator[str]:
        """Yield the sentences that tell what is not as it should be: each a message of its own below the answer."""
        trace, model = request.ask.trace, generated.table
        if generated.cut:
            # The answer may have ended in the middle of code.
            metrics.CUT_ANSWERS.labels(generated.cut).inc()
            log.warning("answer_cut", trace=trace, model=model, reason=generated.cut, characters=len(generated.text))
            yield f"turn.cut_{generated.cut}"
        if generated.history_problem:
            metrics.SHORTENED_HISTORIES.labels(generated.history_problem).inc()
            log.warning(
                "history_shortened",
                trace=trace,
                model=model,
                reason=generated.history_problem,
                left_out=generated.left_out,
                kept=generated.kept,
            )
            if self._history_limits.note(known.conversation, kept=generated.kept):
                yield f"turn.history_{generated.history_problem}"

    async def _with_speech(
        self, outcome: Outcome, answer: str, chain: ChainConfig, ask: AnswerRequest, *, by_voice: bool
    ) -> Outcome:
        """Add voice messages where the chain asks for them; the words are sent in any case."""
        wanted = chain.spoken == "always" or (chain.spoken == "to_voice" and by_voice)
        if not wanted or self.media_services.text_to_speech is None or not ask.capabilities.voices:
            return outcome
        if not await self.budget.allows(SPEECH, ask.event.sender):
            return outcome
        speech = await self.media_services.text_to_speech.synthesise(answer)
        outcome = replace(outcome, replies=(*outcome.replies, *(VoiceReply(voice) for voice in speech.voices)))
        if speech.took is None:
            return outcome
        self.budget.paid(alone(speech.took))
        return charged(outcome, speech.took)

    def _display_text(self, spoken: ParsedAnswer) -> str:
        if self.chat.hide_thinking or not spoken.reasoning:
            return spoken.content
        return f"{block_quote(spoken.reasoning)}\n\n{spoken.content}".rstrip()


def _failed_usage(origin: Provenance) -> tuple[FailedUsage, ...]:
    return (FailedUsage(origin),) if origin.cost or origin.input_tokens or origin.output_tokens else ()
