"""The router chain: a command to its branch, words to the conversation, a short word of ours to all else."""

from collections.abc import AsyncGenerator, Awaitable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, cast

from chains.book import ChainBook
from chains.branching import Branching
from chains.budget import Budget
from chains.choosing import Chooser, Chosen
from chains.command import Means, Order
from chains.commands import all_commands
from chains.config import ChainConfig
from chains.conversation import Conversations
from chains.hearing import Ear
from chains.mcp_servers import open_servers
from chains.models import Models
from chains.reading import Given, Nothing, Question, Reading, Recorded, Remark, Shown, Welcome, given, read
from chains.routing import routed
from chains.seeing import Viewer
from chains.senses import open_senses
from chains.shelf import Demands, OpenBook, Shelf, demands_of, open_shelf
from chains.templates import fill
from chains.toolshed import Toolshed, open_toolshed
from pipeline.errors import SettingsInvalid
from pipeline.events import InboundEvent, Text
from pipeline.outcomes import Outcome, Step
from pipeline.ports import AnswerRequest, AudioStore, ConversationStore, Exporter, ImageStore, Spending, TurnCanceller
from pipeline.replies import Silence, TextReply
from pipeline.settings import Settings
from pipeline.words import Catalogue

R = TypeVar("R", bound=Reading)


@dataclass(frozen=True)
class Routed(Generic[R]):
    """A turn on its way through the router, with what its event was read as."""

    ask: AnswerRequest
    reading: R
    book: ChainBook


class Chains:
    """Those who answer: everything behind `pipeline.ports.Answerer`."""

    def __init__(
        self, means: Means, *, shelf: Shelf, models: Models, demands: Demands, book: OpenBook, toolshed: Toolshed
    ) -> None:
        self._means = means
        self._demands = demands
        self.book = book
        self.models = models
        self.toolshed = toolshed
        self._conversations = Conversations(
            means.chat, means.memory, models, means.words, means.senses, toolshed, means.budget
        )
        self._viewer = Viewer(means.chat, means.memory, means.senses, means.words)
        self._ear = Ear(means.senses, means.words, means.budget)
        self._chooser = Chooser(models, means.budget)
        self.shelf = shelf
        """The chains as they are; shared with those who answer under the next settings."""
        self.router = Branching[Routed[Any], Step](self._branch, name="router")

    async def answer(self, ask: AnswerRequest) -> AsyncGenerator[Step]:
        """Yield drafts and one outcome; `AnswerFailed` says which sentence tells the person why there is none."""
        means = self._means
        book = self.book.now
        reading = routed(read(ask.event.content, commands=means.commands, words=means.words), ask, book)
        steps = cast("AsyncGenerator[Step]", self.router.astream(Routed(ask, reading, book)))
        async with aclosing(steps):
            async for step in steps:
                yield step

    def urgent(self, event: InboundEvent) -> bool:
        """Say whether the event is a command that must not wait behind the person's other turns."""
        found = given(event.content, self._means.commands)
        return found is not None and found.command.urgent

    def model(self, chain: str) -> str:
        """Give what people know the model of a chain by."""
        return self.models.shown(self.book.now.chain(chain).model)

    async def warm(self) -> None:
        """Load the model libraries and open the models, so that the first person does not wait for it."""
        book = self.book.now
        cheaper = self._means.budget.cheaper
        chosen = (*self.models.choosable, *([cheaper] if cheaper else ()))
        self.toolshed.servers.connect_soon(tool for name in book.names for tool in book.chain(name).tools)
        await self.models.warm({*(book.chain(name).model for name in book.names), *chosen})

    def take_over(self, former: "Chains") -> None:
        """Answer what comes from now on; what is being answered is answered to the end as it began."""
        former.book.hold_fast()
        self.shelf.suit(self._demands, self.book.now)
        self.book.follow()

    async def aclose(self) -> None:
        """Let go of the models' connections."""
        await self.models.aclose()
        await self.toolshed.servers.aclose()
        await self._means.senses.aclose()

    def _branch(self, turn: Routed[Any]) -> AsyncGenerator[Step]:
        reading: Reading = turn.reading
        match reading:
            case Given():
                return self._run_command(turn)
            case Question():
                return self._converse(turn)
            case Shown():
                return self._look(turn)
            case Recorded():
                return self._hear(turn)
            case Remark() | Welcome() | Nothing():
                return self._say(turn)

    async def _run_command(self, turn: Routed[Given]) -> AsyncGenerator[Step]:
        made = turn.reading.command.run(Order(turn.reading.argument, turn.ask, self._means))
        if isinstance(made, Awaitable):
            yield await made
            return
        async with aclosing(made) as steps:
            async for step in steps:
                yield step

    async def _converse(self, turn: Routed[Question]) -> AsyncGenerator[Step]:
        asked = turn.reading
        chosen = Chosen(asked.chain) if asked.chain else await self._chooser.choose(turn.ask, asked.text, turn.book)
        answer = self._conversations.answer(
            turn.ask, asked.text, turn.book, chosen.name, by_voice=asked.by_voice, beside=chosen.took
        )
        async with aclosing(answer) as steps:
            async for step in steps:
                yield step

    async def _look(self, turn: Routed[Shown]) -> AsyncGenerator[Step]:
        ask, conversations = turn.ask, self._conversations
        taken = await self._viewer.take(ask, turn.reading.media_id, sees=await conversations.sees(ask, turn.book))
        if isinstance(taken, Outcome):
            yield taken
            return
        question = self._means.words.text("picture.alone")
        async with aclosing(conversations.answer(ask, question, turn.book, pictures=(taken,))) as steps:
            async for step in steps:
                yield step

    async def _hear(self, turn: Routed[Recorded]) -> AsyncGenerator[Step]:
        understood = await self._ear.understand(turn.ask, turn.reading.media_id)
        if isinstance(understood, Outcome):
            yield understood
            return
        ask = replace(turn.ask, event=replace(turn.ask.event, content=Text(understood.words)))
        reading = routed(Question(understood.words, by_voice=True), ask, turn.book)
        answer = cast("AsyncGenerator[Step]", self.router.astream(Routed(ask, reading, turn.book)))
        async with aclosing(self._ear.quote(understood, answer)) as steps:
            async for step in steps:
                yield step

    async def _say(self, turn: Routed[Remark | Welcome | Nothing]) -> AsyncGenerator[Step]:
        match turn.reading:
            case Remark(sentence):
                yield Outcome((TextReply(self._means.words.text(sentence)),))
            case Welcome(name):
                yield Outcome((TextReply(self._welcome(turn.ask, turn.book.chain(name, turn.ask.event.sender))),))
            case Nothing():
                yield Outcome((Silence(),))

    def _welcome(self, ask: AnswerRequest, chain: ChainConfig) -> str:
        said = fill(chain.welcome, self._conversations.blanks(ask, chain)).strip()
        return said or self._means.words.text("chain.welcome", command=chain.command, description=chain.description)


def open_chains(  # noqa: PLR0913 (each is a seam)
    settings: Settings,
    *,
    memory: ConversationStore,
    stopper: TurnCanceller,
    book: ChainBook | None = None,
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
    models = Models(settings, words, before=None if former is None else former.models)
    demands = demands_of(settings, models)
    if former is None:
        shelf = open_shelf(settings, demands=demands, reserved=commands.words, before=before, book=book)
        pages = OpenBook(shelf)
    else:
        shelf = former.shelf
        pages = OpenBook(shelf, suited=shelf.suited(demands))
    unknown = [
        f"[channels.{channel}].chain: found {table.chain!r}, there are {', '.join(pages.now.names)}"
        for channel, table in settings.channels.items()
        if table.chain not in pages.now.names
    ]
    if unknown:
        raise SettingsInvalid([*unknown, *pages.now.problems])
    means = Means(
        words=words,
        chat=settings.chat,
        memory=memory,
        stopper=stopper,
        commands=commands,
        book=lambda: pages.now,
        models=models,
        senses=open_senses(settings, demo=models.demo, pictures=pictures, sounds=sounds),
        exporter=exporter,
        budget=Budget(settings.budgets, models=models, spending=spending, words=words),
        spending=spending,
    )
    toolshed = open_toolshed(means.senses, open_servers(settings))
    return Chains(means, shelf=shelf, models=models, demands=demands, book=pages, toolshed=toolshed)
