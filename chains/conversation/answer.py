"""Answers a message with a model: prompt, tool loop, replies, and what is recorded."""

import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import structlog

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.catalog.templates import values
from chains.conversation import prompt
from chains.conversation.messages import build_messages
from chains.conversation.model_choice import model_choice_for
from chains.conversation.provenance import build_provenance
from chains.conversation.tool_loop import run_tool_loop
from chains.media.image_input import EncodedImages, encode_images, recent_images
from chains.media.services import IMAGE, SPEECH, MediaServices
from chains.models.budget import Budget
from chains.models.errors import to_answer_failed, word_of
from chains.models.fallback import ChatModel
from chains.models.parsing.reasoning import ParsedAnswer
from chains.models.prices import alone, charged, usage_of
from chains.models.registry import ModelRegistry
from chains.models.response import FILTERED, ModelResponse, final_response
from chains.tooling.executor import ToolExecutor
from chains.tools.draw_picture import NAME as DRAW
from chains.toolset import ToolRegistry
from pipeline.answer import (
    ConversationContext,
    Exchange,
    ExchangeRecorded,
    FailedUsage,
    Outcome,
    Provenance,
    Step,
    TokenUsage,
)
from pipeline.errors import AnswerFailed, ChainInvalid, SettingsInvalid
from pipeline.ports import AnswerRequest, ConversationStore
from pipeline.replies import ImageReply, Reply, StoredMedia, TextReply, VoiceReply
from pipeline.settings import Chat
from pipeline.text.escape import block_quote
from pipeline.text.i18n import Catalogue

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ConversationAnswerer:
    """The conversation chain: persona, window and question to the model, its answer to the person."""

    chat: Chat
    memory: ConversationStore
    models: ModelRegistry
    catalogue: Catalogue
    media_services: MediaServices
    tool_registry: ToolRegistry
    budget: Budget
    _toolless: set[str] = field(default_factory=set)
    """Models that refuse to be offered tools."""

    async def answer(
        self,
        ask: AnswerRequest,
        question: str,
        catalog: ChainCatalog,
        name: str = "",
        *,
        pictures: tuple[StoredMedia, ...] = (),
        by_voice: bool = False,
        beside: Sequence[TokenUsage] = (),
    ) -> AsyncGenerator[Step]:
        """Yield drafts where the channel shows them, then the answer with what is to be remembered of it.

        `name` is the chain that was called, empty for the channel's own; `pictures` are the question's beside those
        that came just before it; `beside` is what choosing the chain took. Raises `AnswerFailed` for whatever goes
        wrong with the model.
        """
        chain = self._chain(catalog, name or ask.chain, ask)
        known = await self.memory.load(
            ask.event.sender,
            turns=self.chat.turns if chain.turns is None else chain.turns,
            idle_minutes=self.chat.idle_minutes if chain.idle_minutes is None else chain.idle_minutes,
        )
        # A chain that was called keeps its own model, for which its words and options were written.
        model = (
            chain.model
            if name
            else model_choice_for(self.models, chain, ask.event.sender, chosen=known.model).answering
        )
        admitted = await self.budget.acquire(model, ask)
        if isinstance(admitted, Outcome):
            yield admitted
            return
        model = admitted
        opened = await self._open(model)
        blanks = self.blanks(ask, chain)
        # And it speaks for itself: a persona would turn the translator into something else.
        instead = "" if name else known.persona or self.chat.system_prompt
        earlier = prompt.examples_and_history(chain, known.exchanges, blanks)
        looks: EncodedImages = {}
        if self.media_services.images is not None and self.models.sees(model):
            pictures = (*recent_images(known.pictures, ask.event.sent_at, self.chat.picture_seconds), *pictures)
            looks = await encode_images(self.media_services.images, pictures, earlier)
        messages = build_messages(
            prompt.system_prompt(chain, blanks, self.catalogue, override=instead),
            earlier,
            prompt.question(chain, question, blanks),
            pictures=pictures,
            looks=looks,
        )
        options = self.models.options(model, prompt.options(chain, model=model))
        tools = (
            await self.tool_registry.bind(chain, ask.capabilities)
            if chain.tools and model not in self._toolless
            else {}
        )
        if DRAW in tools and not await self.budget.allows(IMAGE, ask.event.sender):
            del tools[DRAW]
        toolbox = ToolExecutor(tools, ask, self.catalogue)
        rounds: list[ModelResponse] = []
        began = time.perf_counter()
        try:
            async with aclosing(
                run_tool_loop(opened, messages, options, toolbox, rounds, shown=self._display_text)
            ) as steps:
                async for step in steps:
                    yield step
        except Exception as error:  # noqa: BLE001 - providers and their libraries raise anything
            # The error's own text may quote the question or the key: neither it nor its trace goes further.
            failed = to_answer_failed(error, model=model)
            taken = [*beside, *self._taken(model, rounds, toolbox)]
            answered_by = (rounds[-1].model if rounds else "") or model
            failed.wasted = _failed_usage(self._origin(chain, answered_by, taken, began))
            raise failed from None
        if toolbox.refused:
            self._toolless.add(model)
        asked = Exchange(question, "", pictures, tuple(drawn.media for drawn in toolbox.images))
        heard = final_response(rounds)
        taken = [*beside, *self._taken(model, rounds, toolbox)]
        origin = self._origin(chain, heard.model or model, taken, began)
        if toolbox.uses:
            origin = replace(origin, tools=tuple(toolbox.uses))
        spoken = await heard.parsed_whole()
        outcome, answer = self._outcome(asked, chain, model, known, heard, spoken, origin)
        yield await self._with_speech(outcome, answer, chain, ask, by_voice=by_voice)

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

    def blanks(self, ask: AnswerRequest, chain: ChainConfig) -> dict[str, str]:
        """Return what the chain's templates may name."""
        sender = ask.event.sender
        return values(
            user=sender.user, channel=sender.channel, chain=chain.name, at=ask.event.sent_at, catalogue=self.catalogue
        )

    def _chain(self, catalog: ChainCatalog, name: str, ask: AnswerRequest) -> ChainConfig:
        try:
            return catalog.chain(name, ask.event.sender)
        except ChainInvalid as error:
            raise AnswerFailed(str(error), reason="model.setup") from error

    async def _open(self, model: str) -> ChatModel:
        try:
            return await self.models.chat(model)
        except SettingsInvalid as error:
            raise AnswerFailed(str(error), reason="model.setup") from error

    def _taken(self, called: str, rounds: Sequence[ModelResponse], tool_executor: ToolExecutor) -> Iterator[TokenUsage]:
        for heard in rounds:
            yield usage_of(heard, self.models.price(heard.table or called), called=called)
        yield from (drawn.usage for drawn in tool_executor.images)

    def _origin(self, chain: ChainConfig, model: str, taken: Sequence[TokenUsage], began: float) -> Provenance:
        """Return how an answer came to be, and count what it took."""
        origin = build_provenance(chain, model, taken, milliseconds=round((time.perf_counter() - began) * 1000))
        if taken:
            self.budget.paid(origin)
        return origin

    def _outcome(
        self,
        asked: Exchange,
        chain: ChainConfig,
        model: str,
        known: ConversationContext,
        response: ModelResponse,
        spoken: ParsedAnswer,
        origin: Provenance,
    ) -> tuple[Outcome, str]:
        """Return what is to be sent and remembered, and beside it the words alone."""
        if not spoken.content and asked.drawn:
            spoken = replace(spoken, content=self.catalogue.text("image.here"))
        if not spoken.content:
            filtered = response.finish.lower() in FILTERED
            reason = "model.filtered" if filtered else "model.empty"
            message = f"[models.{model}]: empty answer, finished by {word_of(response.finish)!r}"
            raise AnswerFailed(message, reason=reason, wasted=_failed_usage(origin))
        # What it thought is not remembered: models are not meant to be given their old thoughts again.
        said = ExchangeRecorded(replace(asked, answer=spoken.content), origin, known.conversation)
        shown = self._display_text(spoken)
        # Its underscores and asterisks are no markup.
        replies: list[Reply] = [TextReply(f"```json\n{shown}\n```" if chain.answer_format == "json" else shown)]
        if response.is_cut:
            # A message of its own: the answer may have ended in the middle of code.
            log.warning("answer_cut", model=model, characters=len(response.text))
            replies.append(TextReply(self.catalogue.text("turn.cut")))
        replies += [ImageReply(picture) for picture in asked.drawn]
        return Outcome(tuple(replies), (said,)), spoken.content

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
