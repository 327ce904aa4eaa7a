"""The router chain: a command to its branch, words to the conversation, a short word of ours to all else."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from langchain_core.runnables import Runnable, RunnableLambda

from chains.command import Means, Order
from chains.commands import all_commands
from chains.config import ChainBook
from chains.conversation import Conversations
from chains.models import Models
from chains.reading import Given, Nothing, Question, Reading, Remark, given, read
from pipeline.errors import ChainInvalid, SettingsInvalid
from pipeline.events import InboundEvent
from pipeline.outcomes import Outcome, Step
from pipeline.ports import Ask, Memory, Stopper
from pipeline.replies import Silence, TextReply
from pipeline.settings import Settings
from pipeline.words import Words

R = TypeVar("R", bound=Reading)


@dataclass(frozen=True)
class Routed(Generic[R]):
    """A turn on its way through the router, with what its event was read as."""

    ask: Ask
    reading: R


class Chains:
    """Those who answer: everything behind `pipeline.ports.Answerer`."""

    def __init__(self, means: Means, *, book: ChainBook, models: Models) -> None:
        self._means = means
        self._book = book
        self._models = models
        self._conversations = Conversations(means.chat, means.memory, book, models)
        self._command = RunnableLambda(self._run_command, name="command")
        self._conversation = RunnableLambda(self._converse, name="conversation")
        self._remark = RunnableLambda(self._say, name="remark")
        self.router = RunnableLambda[Routed[Any], Any](self._route, name="router")

    async def answer(self, ask: Ask) -> AsyncGenerator[Step]:
        """Yield drafts and one outcome; `AnswerFailed` says which sentence tells the person why there is none."""
        means = self._means
        reading = read(ask.event.content, commands=means.commands, words=means.words)
        steps = cast("AsyncGenerator[Step]", self.router.astream(Routed(ask, reading)))
        async with aclosing(steps):
            async for step in steps:
                yield step

    def urgent(self, event: InboundEvent) -> bool:
        """Say whether the event is a command that must not wait behind the person's other turns."""
        found = given(event.content, self._means.commands)
        return found is not None and found.command.urgent

    def model(self, chain: str) -> str:
        """Give what people know the model of a chain by."""
        return self._models.shown(self._book.chain(chain).model)

    async def warm(self) -> None:
        """Load the model libraries and open the models, so that the first person does not wait for it."""
        await self._models.warm({self._book.chain(name).model for name in self._book.names})

    async def aclose(self) -> None:
        """Let go of the models' connections."""
        await self._models.aclose()

    # What this returns, LangChain runs with the same input.
    async def _route(self, turn: Routed[Reading]) -> Runnable[Any, Step]:
        match turn.reading:
            case Given():
                return self._command
            case Question():
                return self._conversation
            case Remark() | Nothing():
                return self._remark

    async def _run_command(self, turn: Routed[Given]) -> AsyncGenerator[Step]:
        yield await turn.reading.command.run(Order(turn.reading.argument, turn.ask, self._means))

    async def _converse(self, turn: Routed[Question]) -> AsyncGenerator[Step]:
        async with aclosing(self._conversations.answer(turn.ask, turn.reading.text)) as steps:
            async for step in steps:
                yield step

    async def _say(self, turn: Routed[Remark | Nothing]) -> AsyncGenerator[Step]:
        match turn.reading:
            case Remark(sentence):
                yield Outcome((TextReply(self._means.words.say(sentence)),))
            case Nothing():
                yield Outcome((Silence(),))


def open_chains(settings: Settings, *, memory: Memory, stopper: Stopper, book: ChainBook | None = None) -> Chains:
    """Build everything that answers from the settings, checked so that no turn can find it missing.

    Reads files, so it is not for the event loop. Raises `SettingsInvalid` for models and channels that cannot
    work, `ChainInvalid` for chains that cannot.
    """
    words = Words(settings.chat.language)
    book = book or ChainBook.read()
    models = Models(settings, words)
    for name in book.names:
        model = book.chain(name).model
        if model not in models.names:
            raise ChainInvalid(f"chain {name!r}: model: found {model!r}, there are {', '.join(models.names)}")
    unknown = [
        f"[channels.{channel}].chain: found {table.chain!r}, there are {', '.join(book.names)}"
        for channel, table in settings.channels.items()
        if table.chain not in book.names
    ]
    if unknown:
        raise SettingsInvalid(unknown)
    means = Means(words=words, chat=settings.chat, memory=memory, stopper=stopper, commands=all_commands())
    return Chains(means, book=book, models=models)
