"""The router chain: commands to their branch, questions to the conversation, fixed replies to the rest."""

from collections.abc import AsyncGenerator, Awaitable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.catalog.files import CatalogView, ChainFiles, open_chain_files
from chains.catalog.requirements import ChainRequirements, requirements_of
from chains.catalog.templates import fill
from chains.command import CommandCall, CommandContext, CommandIntent
from chains.commands import all_commands
from chains.conversation.answer import ConversationAnswerer
from chains.conversation.prompt import values_for
from chains.media.image_input import ImageIntake
from chains.media.services import open_media_services
from chains.media.voice_input import VoiceTranscriber
from chains.models.budget import Budget
from chains.models.registry import ModelRegistry
from chains.routing.branching import BranchRunnable
from chains.routing.classifier import ChainClassifier, Classification
from chains.routing.dispatch import dispatch
from chains.routing.intents import (
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
from pipeline.events import InboundEvent, Text
from pipeline.ports import AnswerRequest, AudioStore, ConversationStore, Exporter, ImageStore, Spending, TurnCanceller
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
    catalog: ChainCatalog


class Chains:
    """What answers people: everything behind `pipeline.ports.Answerer`."""

    def __init__(
        self,
        context: CommandContext,
        *,
        chain_files: ChainFiles,
        models: ModelRegistry,
        requirements: ChainRequirements,
        catalog: CatalogView,
        tool_registry: ToolRegistry,
    ) -> None:
        self._context = context
        self._requirements = requirements
        self.catalog = catalog
        self.models = models
        self.tool_registry = tool_registry
        self._conversations = ConversationAnswerer(
            context.chat,
            context.memory,
            models,
            context.catalogue,
            context.media_services,
            tool_registry,
            context.budget,
        )
        self._viewer = ImageIntake(context.chat, context.memory, context.media_services, context.catalogue)
        self._ear = VoiceTranscriber(context.media_services, context.catalogue, context.budget)
        self._chooser = ChainClassifier(models, context.budget)
        self.chain_files = chain_files
        """The chains as they are; shared with those who answer under the next settings."""
        self.router = BranchRunnable[Routed[Any], Step](self._branch, name="router")

    async def answer(self, ask: AnswerRequest) -> AsyncGenerator[Step]:
        """Yield drafts and one outcome; `AnswerFailed` says which sentence tells the person why there is none."""
        means = self._context
        book = self.catalog.now
        intent = read_intent(ask.event.content, commands=means.commands, catalogue=means.catalogue)
        reading = self._unknown_command(ask, dispatch(intent, ask, book), book)
        steps = cast("AsyncGenerator[Step]", self.router.astream(Routed(ask, reading, book)))
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
        called = self.catalog.now.by_command(line, event.sender)
        return called is None or len(called.word) <= len(found.name) - found.is_synonym

    def model(self, chain: str) -> str:
        """Return what people know the model of a chain by."""
        return self.models.display_name(self.catalog.now.chain(chain).model)

    async def warm(self) -> None:
        """Load the model libraries and open the models, so that the first person does not wait for it."""
        book = self.catalog.now
        cheaper = self._context.budget.cheaper
        chosen = (*self.models.choosable, *([cheaper] if cheaper else ()))
        self.tool_registry.servers.connect_soon(tool for chain in book.every_version() for tool in chain.tools)
        await self.models.warm({*(chain.model for chain in book.every_version()), *chosen})

    def take_over(self, former: "Chains") -> None:
        """Answer what comes from now on; what is being answered is answered to the end as it began."""
        former.catalog.freeze()
        self.chain_files.apply(self._requirements, self.catalog.now)
        self.catalog.follow()

    async def aclose(self) -> None:
        """Close the models' connections."""
        await self.models.aclose()
        await self.tool_registry.servers.aclose()
        await self._context.media_services.aclose()

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
            case FixedReply() | Welcome() | UnknownCommand() | NoReply():
                return self._say(turn)

    def _unknown_command(self, ask: AnswerRequest, reading: Intent, catalog: ChainCatalog) -> Intent:
        """Return the command that a question is a slip of; the reading as it is where there is none."""
        content = ask.event.content
        if not isinstance(reading, Question) or not isinstance(content, Text) or without_sign(content.text) is None:
            return reading
        call = CommandCall("", ask, self._context)
        offered = (command for command in self._context.commands if command.offered(call))
        ours = (word for command in offered for word in (command.name, *command.aliases))
        theirs = (word for chain in catalog.offered(ask.event.sender) for word in chain.words)
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
        chosen = (
            Classification(asked.chain)
            if asked.chain
            else await self._chooser.classify(turn.ask, asked.text, turn.catalog)
        )
        answer = self._conversations.answer(
            turn.ask, asked.text, turn.catalog, chosen.name, by_voice=asked.by_voice, beside=chosen.usage
        )
        async with aclosing(answer) as steps:
            async for step in steps:
                yield step

    async def _look(self, turn: Routed[ImageIntent]) -> AsyncGenerator[Step]:
        ask, conversations = turn.ask, self._conversations
        taken = await self._viewer.take(ask, turn.reading.media_id, sees=await conversations.sees(ask, turn.catalog))
        if isinstance(taken, Outcome):
            yield taken
            return
        question = self._context.catalogue.text("picture.alone")
        async with aclosing(conversations.answer(ask, question, turn.catalog, pictures=(taken,))) as steps:
            async for step in steps:
                yield step

    async def _hear(self, turn: Routed[VoiceIntent]) -> AsyncGenerator[Step]:
        understood = await self._ear.transcribe(turn.ask, turn.reading.media_id)
        if isinstance(understood, Outcome):
            yield understood
            return
        ask = replace(turn.ask, event=replace(turn.ask.event, content=Text(understood.words)))
        reading = dispatch(Question(understood.words, by_voice=True), ask, turn.catalog)
        answer = cast("AsyncGenerator[Step]", self.router.astream(Routed(ask, reading, turn.catalog)))
        async with aclosing(self._ear.quote(understood, answer)) as steps:
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
                yield Outcome((TextReply(self._welcome(turn.ask, turn.catalog.chain(name, turn.ask.event.sender))),))
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
    catalog: ChainCatalog | None = None,
    before: Iterable[ChainConfig] = (),
    pictures: ImageStore | None = None,
    sounds: AudioStore | None = None,
    exporter: Exporter | None = None,
    former: Chains | None = None,
    spending: Spending | None = None,
) -> Chains:
    """Build everything that answers from the settings, checked so that no turn can find it missing.

    Reads files, so it is not for the event loop. Raises `SettingsInvalid` for models and channels that cannot
    work. A chain's file that cannot be used is reported and left alone, and the chain is as it was `before`; where
    there is none and a channel needs it, that is `SettingsInvalid` too.

    With settings that were edited, `former` answer until these `take_over`: all that follows from the settings is
    built anew, and only the shelf of chains and what is known of unchanged models goes on. A chain that answers and
    could not any more is `SettingsInvalid`.
    """
    words = Catalogue(settings.chat.language)
    commands = all_commands()
    models = ModelRegistry(settings, words, before=None if former is None else former.models)
    demands = requirements_of(settings, models)
    if former is None:
        shelf = open_chain_files(
            settings, requirements=demands, reserved=commands.words, before=before, catalog=catalog
        )
        pages = CatalogView(shelf)
    else:
        shelf = former.chain_files
        pages = CatalogView(shelf, preview=shelf.preview(demands))
    unknown = [
        f"[channels.{channel}].chain: found {table.chain!r}, there are {', '.join(pages.now.names)}"
        for channel, table in settings.channels.items()
        if table.chain not in pages.now.names
    ]
    if unknown:
        raise SettingsInvalid([*unknown, *map(str, pages.now.problems)])
    if former is not None:
        models.refuse_demo_after(former.models)
    means = CommandContext(
        catalogue=words,
        chat=settings.chat,
        memory=memory,
        stopper=stopper,
        commands=commands,
        catalog=lambda: pages.now,
        models=models,
        media_services=open_media_services(settings, demo=models.demo, pictures=pictures, sounds=sounds),
        exporter=exporter,
        budget=Budget(settings.budgets, models=models, spending=spending, catalogue=words),
        spending=spending,
        persona_folder=Path(settings.storage.data_dir) / "personas",
    )
    toolshed = open_tool_registry(means.media_services, open_servers(settings))
    return Chains(means, chain_files=shelf, models=models, requirements=demands, catalog=pages, tool_registry=toolshed)
