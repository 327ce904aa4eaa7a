"""What a chat command is, what it may work with, and how a line of chat is recognised as one.

Plain Python: routing through a chain costs a thousand times what looking at the first character does.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from chains.catalog.catalog import ChainCatalog
from chains.media.services import MediaServices
from chains.models.budget import Budget
from chains.models.registry import ModelRegistry
from pipeline.answer import Change, Outcome, Step
from pipeline.ports import AnswerRequest, ConversationStore, Exporter, Spending, TurnCanceller
from pipeline.replies import TextReply
from pipeline.settings import Chat
from pipeline.text.folding import casefold_nfkc, first_word, repeated_sign
from pipeline.text.i18n import Catalogue

# Most messages are longer, and need not be looked through for signs.
_LONGEST_SIGNS = 64


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What commands may work with."""

    catalogue: Catalogue
    chat: Chat
    memory: ConversationStore
    stopper: TurnCanceller
    commands: "Commands"
    catalog: Callable[[], ChainCatalog]
    """Gives the chains as they are now."""
    models: ModelRegistry
    media_services: MediaServices
    budget: Budget
    exporter: Exporter | None = None
    spending: Spending | None = None


@dataclass(frozen=True, slots=True)
class CommandCall:
    """A command somebody gave: `argument` is what followed its name, without the white space around it."""

    argument: str
    ask: AnswerRequest
    context: CommandContext

    def reply(self, sentence: str, /, *changes: Change, **values: object) -> Outcome:
        """Answer with a sentence of the catalogue, and with changes to record."""
        return Outcome((TextReply(self.context.catalogue.text(sentence, **values)),), changes)


DEFAULT = frozenset({"default", "reset", "默认", "重置"})
"""What people say behind a command to have it as it was before they chose anything."""


def offered_to_all(_: CommandCall) -> bool:
    """Offer a command in every deployment to everybody."""
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """A chat command; `summary` and `usage` are keys of the catalogue, `usage` that of what follows the name."""

    name: str
    aliases: tuple[str, ...]
    summary: str
    run: Callable[[CommandCall], Awaitable[Outcome] | AsyncGenerator[Step]]
    """Gives the outcome, or yields it after whatever is to be said in passing."""
    usage: str = ""
    offered: Callable[[CommandCall], bool] = offered_to_all
    """Whether `@help` lists it."""
    urgent: bool = False
    """Whether it must not wait behind the person's other turns."""
    signs: tuple[str, ...] = ()
    """What is the command by itself, without an @, where a message is nothing else."""


@dataclass(frozen=True, slots=True)
class Commands:
    """All commands, in the order they are listed in."""

    listed: Sequence[Command]
    _by_word: dict[str, Command] = field(init=False, default_factory=dict)
    _by_sign: dict[str, Command] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for command in self.listed:
            self._by_sign.update(dict.fromkeys(command.signs, command))
            for word in (command.name, *command.aliases):
                other = self._by_word.setdefault(casefold_nfkc(word), command)
                if other is not command:
                    message = f"{word!r} is claimed by the commands {other.name!r} and {command.name!r}"
                    raise ValueError(message)

    @property
    def words(self) -> tuple[str, ...]:
        """Return every word that is a command."""
        return tuple(self._by_word)

    def __iter__(self) -> Iterator[Command]:
        return iter(self.listed)

    def find(self, line: str) -> tuple[Command, str] | None:
        """Return the command that is a line's first word, and what follows it; None if the line is only text."""
        word, rest = first_word(line)
        command = self._by_word.get(word)
        if command is None and not word and len(line) <= _LONGEST_SIGNS:
            command = self._by_sign.get(repeated_sign(line, self._by_sign))
        return (command, rest) if command else None
