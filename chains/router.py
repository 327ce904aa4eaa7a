"""The router chain: commands to their branch, questions to the conversation, fixed replies to the rest."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.catalog.files import open_chain_files
from chains.catalog.requirements import ChainRequirements, requirements_of
from chains.catalog.templates import fill
from chains.command import CommandCall, CommandContext, CommandIntent
from chains.commands import all_commands
from chains.conversation.answer import ConversationAnswerer
from chains.conversation.prompt import values_for
from chains.conversation.request_log import RequestLog
from chains.media.document_input import DocumentIntake
from chains.media.image_input import ImageIntake
from chains.media.services import MediaServices, open_media_services
from chains.media.voice_input import VoiceTranscriber
from chains.models.budget import Budget
from chains.models.prices import charging
from chains.models.registry import ModelRegistry
from chains.routing.branching import BranchRunnable
from chains.routing.classifier import ChainClassifier, Classification
from chains.routing.dispatch import dispatch
from chains.routing.intents import (
    DocumentIntent,
    FixedReply,
    ImageIntent,
    Intent,
    NoReply,
    Question,
    UnknownCommand,
    VoiceIntent,
    Welcome,
    command_in,
    command_line_of,
    read_intent,
)
from chains.routing.near_misses import near_miss
from chains.tooling.mcp import open_servers
from chains.toolset import ToolRegistry, open_tool_registry
from pipeline.answer import Outcome, Step
from pipeline.errors import SettingsInvalid
from pipeline.events import File, InboundEvent, Text
from pipeline.ports import (
    AnswerRequest,
    AudioStore,
    ConversationStore,
    DocumentReader,
    Exporter,
    ImageStore,
    Spending,
    TurnCanceller,
)
from pipeline.replies import Silence, TextReply
from pipeline.settings import Settings
from pipeline.text.command_line import without_sign
from pipeline.text.folding import casefold_nfkc
from pipeline.text.i18n import Catalogue

R = TypeVar("R", bound=Intent)


@dataclass(frozen=True)
class Routed(Generic[R]):
    """A turn on its way through the router, with what its event was read as."""

    ask: AnswerRequest
    reading: R


@dataclass(frozen=True, eq=False)
class AnswerServices:
    """What one reading of the settings opens to answer with; every catalogue of chains under it shares this."""

    requirements: ChainRequirements
    models: ModelRegistry
    tool_registry: ToolRegistry
    media_services: MediaServices
    conversations: ConversationAnswerer
    image_intake: ImageIntake
    document_intake: DocumentIntake
    transcriber: VoiceTranscriber
    classifier: ChainClassifier

    async def aclose(self) -> None:
        """Close the connections to models, tools and media."""
        await self.models.aclose()
        await self.tool_registry.servers.aclose()
        await self.media_services.aclose()


class Chains:
    """What answers people: everything behind `pipeline.ports.Answerer`. Immutable: an edit makes another."""

    def __init__(self, context: CommandContext, services: AnswerServices) -> None:
        self._context = context
        self.services = services
        self.router = BranchRunnable[Routed[Any], Step](self._branch, name="router")

    @property
    def catalog(self) -> ChainCatalog:
        """Return the chains that it answers from."""
        return self._context.catalog

    @property
    def models(self) -> ModelRegistry:
        """Return the models that it answers with."""
        return self.services.models

    def with_catalog(self, catalog: ChainCatalog) -> "Chains":
        """Return the same models and tools with another catalogue; both close the same connections."""
        return Chains(replace(self._context, catalog=catalog), self.services)

    async def answer(self, ask: AnswerRequest) -> AsyncGenerator[Step]:
        """Yield drafts and one outcome; `AnswerFailed` says which sentence tells the person why there is none."""
        context = self._context
        intent = read_intent(ask.event.content, commands=context.commands, catalogue=context.catalogue)
        reading = self._unknown_command(ask, dispatch(intent, ask, self.catalog))
        steps = cast("AsyncGenerator[Step]", self.router.astream(Routed(ask, reading)))
        async with aclosing(steps):
            async for step in steps:
                yield step

    def urgent(self, event: InboundEvent) -> bool:
        """Whether the event is a command that must not wait behind the person's other turns."""
        found = command_in(event.content, self._context.commands)
        if found is None or not found.command.urgent:
            return False
        # A chain's word may be longer than the command's, or be a synonym of it.
        line = command_line_of(event.content) or ""
        called = self.catalog.by_command(line, event.sender)
        return called is None or len(called.word) <= len(found.name) - found.is_synonym

    def is_question(self, event: InboundEvent) -> bool:
        """Whether an event is words for a model, and no command of anybody's, nor a slip of one."""
        content = event.content
        if not isinstance(content, Text) or without_sign(content.text) is not None:
            return False
        intent = read_intent(content, commands=self._context.commands, catalogue=self._context.catalogue)
        return isinstance(intent, Question) and self.catalog.by_command(content.text, event.sender) is None

    def model(self, chain: str) -> str:
        """Return what people know the model of a chain by."""
        return self.models.display_name(self.catalog.chain(chain).model)

    async def warm(self) -> None:
        """Load the model libraries and open the models, so that the first person does not wait for it."""
        cheaper = self._context.budget.cheaper
        chosen = (*self.models.choosable, *([cheaper] if cheaper else ()))
        versions = tuple(self.catalog.every_version())
        self.services.tool_registry.servers.connect_soon(tool for chain in versions for tool in chain.tools)
        await self.models.warm({*(chain.model for chain in versions), *chosen})

    async def aclose(self) -> None:
        """Close the connections of its services."""
        await self.services.aclose()

    def _branch(self, turn: Routed[Any]) -> AsyncGenerator[Step]:
        reading: Intent = turn.reading
        match reading:
            case CommandIntent():
                return self._run_command(turn)
            case Question():
                return self._converse(turn)
            case ImageIntent():
                return self._look(turn)
            case VoiceIntent():
                return self._hear(turn)
            case DocumentIntent():
                return self._read(turn)
            case FixedReply() | Welcome() | UnknownCommand() | NoReply():
                return self._say(turn)

    def _unknown_command(self, ask: AnswerRequest, reading: Intent) -> Intent:
        """Return the command that a question is a slip of; the reading as it is where there is none."""
        content = ask.event.content
        if not isinstance(reading, Question) or not isinstance(content, Text) or without_sign(content.text) is None:
            return reading
        call = CommandCall("", ask, self._context)
        offered = (command for command in self._context.commands if command.offered(call))
        ours = (word for command in offered for word in (command.name, *command.aliases))
        theirs = (word for chain in self.catalog.offered(ask.event.sender) for word in chain.words)
        return near_miss(content.text, (casefold_nfkc(word) for word in (*ours, *theirs))) or reading

    async def _run_command(self, turn: Routed[CommandIntent]) -> AsyncGenerator[Step]:
        reading = turn.reading
        made = reading.command.run(CommandCall(reading.argument, turn.ask, self._context, reading.name))
        if isinstance(made, Awaitable):
            yield await made
            return
        async with aclosing(made) as steps:
            async for step in steps:
                yield step

    async def _converse(self, turn: Routed[Question]) -> AsyncGenerator[Step]:
        asked = turn.reading
        # Before a model is asked which chain it is for: where a file cannot be read, none answers.
        text = await self._with_files(turn.ask, asked.text)
        if isinstance(text, Outcome):
            yield text
            return
        chosen = (
            Classification(asked.chain)
            if asked.chain
            else await self.services.classifier.classify(turn.ask, asked.text, self.catalog)
        )
        answer = self.services.conversations.answer(turn.ask, text, self.catalog, chosen.name, by_voice=asked.by_voice)
        async with aclosing(charging(answer, chosen.usage, by=turn.ask.chain)) as steps:
            async for step in steps:
                yield step

    async def _with_files(self, ask: AnswerRequest, words: str) -> Outcome | str:
        content = ask.event.content
        if not isinstance(content, Text) or not content.files:
            return words
        return await self.services.document_intake.take(ask, content.files, words=words)

    async def _look(self, turn: Routed[ImageIntent]) -> AsyncGenerator[Step]:
        ask, conversations = turn.ask, self.services.conversations
        taken = await self.services.image_intake.take(
            ask, turn.reading.media_id, sees=await conversations.sees(ask, self.catalog)
        )
        if isinstance(taken, Outcome):
            yield taken
            return
        question = self._context.catalogue.text("picture.alone")
        async with aclosing(conversations.answer(ask, question, self.catalog, pictures=(taken,))) as steps:
            async for step in steps:
                yield step

    async def _read(self, turn: Routed[DocumentIntent]) -> AsyncGenerator[Step]:
        taken = await self.services.document_intake.take(turn.ask, (File(turn.reading.media_id, turn.reading.name),))
        if isinstance(taken, Outcome):
            yield taken
            return
        async with aclosing(self.services.conversations.answer(turn.ask, taken, self.catalog)) as steps:
            async for step in steps:
                yield step

    async def _hear(self, turn: Routed[VoiceIntent]) -> AsyncGenerator[Step]:
        understood = await self.services.transcriber.transcribe(turn.ask, turn.reading.media_id)
        if isinstance(understood, Outcome):
            yield understood
            return
        ask = replace(turn.ask, event=replace(turn.ask.event, content=Text(understood.words)))
        reading = dispatch(Question(understood.words, by_voice=True), ask, self.catalog)
        answer = cast("AsyncGenerator[Step]", self.router.astream(Routed(ask, reading)))
        voiced = self.services.transcriber.answer(turn.ask, turn.reading.media_id, understood, answer)
        async with aclosing(voiced) as steps:
            async for step in steps:
                yield step

    async def _say(self, turn: Routed[FixedReply | Welcome | UnknownCommand | NoReply]) -> AsyncGenerator[Step]:
        match turn.reading:
            case FixedReply(sentence):
                yield Outcome((TextReply(self._context.catalogue.text(sentence)),))
            case UnknownCommand(word, suggestion):
                said = self._context.catalogue.text("help.unknown", word=word, suggestion=suggestion)
                yield Outcome((TextReply(said),))
            case Welcome(name):
                yield Outcome((TextReply(self._welcome(turn.ask, self.catalog.chain(name, turn.ask.event.sender))),))
            case NoReply(changes):
                yield Outcome((Silence(),), changes)

    def _welcome(self, ask: AnswerRequest, chain: ChainConfig) -> str:
        said = fill(chain.welcome, values_for(ask, chain, self._context.catalogue)).strip()
        return said or self._context.catalogue.text(
            "chain.welcome", command=chain.command, description=chain.description
        )


def open_chains(  # noqa: PLR0913 (each is a seam)
    settings: Settings,
    *,
    memory: ConversationStore,
    stopper: TurnCanceller,
    read_catalog: Callable[[ChainRequirements], ChainCatalog] | None = None,
    pictures: ImageStore | None = None,
    sounds: AudioStore | None = None,
    documents: DocumentReader | None = None,
    exporter: Exporter | None = None,
    former: Chains | None = None,
    spending: Spending | None = None,
    request_log: RequestLog | None = None,
) -> Chains:
    """Build everything that answers from the settings, checked so that no turn can find it missing.

    `read_catalog` returns the chains under what the settings ask of them; by default their files are read. With
    settings that were edited, `former` are the chains that answer until these do: what is known of unchanged models
    goes on.

    Reads files, so it is not for the event loop.

    Raises:
        SettingsInvalid: models or channels cannot work, or a chain is not there that a channel needs.
    """
    words = Catalogue(settings.chat.language)
    commands = all_commands()
    models = ModelRegistry(settings, words, before=None if former is None else former.models)
    requirements = requirements_of(settings, models)
    catalog = (read_catalog or open_chain_files(settings, reserved=commands.words).open)(requirements)
    unknown = [
        f"[channels.{channel}].chain: found {table.chain!r}, there are {', '.join(catalog.names)}"
        for channel, table in settings.channels.items()
        if table.chain not in catalog.names
    ]
    if unknown:
        raise SettingsInvalid([*unknown, *map(str, catalog.problems)])
    if former is not None:
        models.refuse_demo_after(former.models)
    media = open_media_services(settings, demo=models.demo, pictures=pictures, sounds=sounds, documents=documents)
    budget = Budget(settings.budgets, models=models, spending=spending, catalogue=words)
    tools = open_tool_registry(media, open_servers(settings))
    context = CommandContext(
        catalogue=words,
        chat=settings.chat,
        memory=memory,
        stopper=stopper,
        commands=commands,
        catalog=catalog,
        models=models,
        media_services=media,
        exporter=exporter,
        budget=budget,
        spending=spending,
        persona_folder=Path(settings.storage.data_dir) / "personas",
    )
    services = AnswerServices(
        requirements,
        models,
        tools,
        media,
        ConversationAnswerer(settings.chat, memory, models, words, media, tools, budget, request_log),
        ImageIntake(settings.chat, memory, media, words),
        DocumentIntake(media, words),
        VoiceTranscriber(media, words, budget),
        ChainClassifier(models, budget),
    )
    return Chains(context, services)
