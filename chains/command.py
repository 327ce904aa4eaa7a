"""What a chat command is, what it may work with, and how a line of chat is recognised as one.

Plain Python: routing through a chain costs a thousand times what looking at the first character does.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chains.catalog.catalog import ChainCatalog
from chains.media.services import MediaServices
from chains.models.budget import Budget
from chains.models.registry import ModelRegistry
from pipeline.answer import Change, Outcome, Step
from pipeline.events import Clicked, Text
from pipeline.ports import AnswerRequest, ConversationStore, Exporter, Spending, TurnCanceller
from pipeline.replies import TextReply
from pipeline.settings import Chat
from pipeline.text.command_line import CommandLine, Joins, choice_of, is_courtesy, read_command_line
from pipeline.text.folding import SIGNS, casefold_nfkc, repeated_sign, simplified
from pipeline.text.i18n import Catalogue
from pipeline.text.unicode import wellformed

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
    catalog: ChainCatalog
    models: ModelRegistry
    media_services: MediaServices
    budget: Budget
    exporter: Exporter | None = None
    spending: Spending | None = None
    persona_folder: Path | None = None
    """Where the company's own personas are."""


@dataclass(frozen=True, slots=True)
class CommandCall:
    """A command somebody gave: `argument` is what followed its name, without the white space around it."""

    argument: str
    ask: AnswerRequest
    context: CommandContext
    name: str = ""
    """The name it was called by, folded."""

    @property
    def line(self) -> str:
        """Return the whole command as it was typed, or the key of the menu button that was pressed."""
        content = self.ask.event.content
        return wellformed((content.text if isinstance(content, Text) else self._written).strip())

    @property
    def _written(self) -> str:
        content = self.ask.event.content
        return content.key if isinstance(content, Clicked) else f"{self.name} {self.argument}"

    @property
    def choice(self) -> str:
        """Return the argument of a command that offers a choice, without punctuation and courtesy at its end."""
        return choice_of(self.argument)

    @property
    def folded_choice(self) -> str:
        """Return the choice in the form in which it is compared with words that webot knows."""
        return casefold_nfkc(simplified(self.choice))

    def reply(self, sentence: str, /, *changes: Change, **values: object) -> Outcome:
        """Answer with a sentence of the catalogue, and with changes to record."""
        return Outcome((TextReply(self.context.catalogue.text(sentence, **values)),), changes)


Group = Literal["chat", "persona", "export"]

DEFAULT = frozenset({"default", "reset", "默认", "重置"})
"""What people say behind a command to have it as it was before they chose anything."""


def joins_courtesy(_: str, rest: str) -> bool:
    """Join nothing to a name but please and thank you: `@历史上的今天` is a question."""
    return is_courtesy(rest)


def joins_form(form: re.Pattern[str]) -> Joins:
    """Return what joins, besides courtesy, all that has a form, folded as choices are: `@继续2`, not `@继续写代码`."""
    return lambda _name, rest: is_courtesy(rest) or form.fullmatch(casefold_nfkc(choice_of(rest))) is not None


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
    group: Group = "chat"
    """Under which heading `@help` lists it."""
    order: int = 50
    """Its place in `@help`: the smaller, the more often it is used."""
    offered: Callable[[CommandCall], bool] = offered_to_all
    """Whether `@help` lists it."""
    urgent: bool = False
    """Whether it must not wait behind the person's other turns."""
    signs: tuple[str, ...] = ()
    """What is the command by itself, without an @, where a message is nothing else."""
    synonyms: tuple[str, ...] = ()
    """Further words people try. A chain may have one of them as its own command, and then is meant."""
    takes_text: bool = False
    """Whether its argument may be any text."""
    joins: Joins = joins_courtesy
    """Whether a rest that touches the name belongs to the command, as in `@画图一只猫`."""
    takes_suffix: bool = False
    """Whether the rest may be what a file's name ends in, as in `@导出.pdf`."""


@dataclass(frozen=True, slots=True)
class CommandIntent:
    """A command that a line gives, with the name it was called by, folded, and what follows that."""

    command: Command
    argument: str
    name: str
    is_synonym: bool = False


class Commands:
    """All commands, in the order they are listed in."""

    def __init__(self, listed: Sequence[Command]) -> None:
        self.listed = listed
        self._by_word: dict[str, Command] = {}
        self._by_synonym: dict[str, Command] = {}
        self._by_any: dict[str, Command] = {}
        self._by_sign: dict[str, Command] = {}
        for command in self.listed:
            self._by_sign.update(dict.fromkeys(command.signs, command))
            for word in (command.name, *command.aliases):
                _claim(self._by_word, word, command)
        self._by_any.update(self._by_word)
        for command in self.listed:
            for word in command.synonyms:
                _claim(self._by_any, word, command)
                self._by_synonym[casefold_nfkc(word)] = command

    @property
    def words(self) -> tuple[str, ...]:
        """Return every word that is a command, whatever the chains are called by."""
        return tuple(self._by_word)

    @property
    def names(self) -> Mapping[str, Command]:
        """Return the commands by every word that calls them, synonyms among them."""
        return self._by_any

    def __iter__(self) -> Iterator[Command]:
        return iter(self.listed)

    def find(self, line: str) -> CommandIntent | None:
        """Return the command that a line begins with; None if the line is only text."""
        found = read_command_line(line, self._by_any, self._joins, behind_wishes=True)
        if found is not None:
            command = self._by_any[found.name]
            # A synonym is an everyday word: `@new york` is no command.
            if found.name in self._by_synonym and found.rest and not self._takes(found):
                return None
            return CommandIntent(command, found.rest, found.name, is_synonym=found.name in self._by_synonym)
        if len(line) <= _LONGEST_SIGNS and not line.lstrip().startswith(SIGNS):
            by_sign = self._by_sign.get(repeated_sign(line, self._by_sign))
            return CommandIntent(by_sign, "", by_sign.name) if by_sign else None
        return None

    def _takes(self, line: CommandLine) -> bool:
        command = self._by_any[line.name]
        return (command.takes_text and not line.touches) or command.joins(line.name, simplified(line.rest))

    def _joins(self, name: str, rest: str) -> bool:
        command = self._by_any[name]
        return (command.takes_suffix or not rest.startswith(".")) and command.joins(name, rest)


def _claim(words: dict[str, Command], word: str, command: Command) -> None:
    other = words.setdefault(casefold_nfkc(word), command)
    if other is not command:
        message = f"{word!r} is claimed by the commands {other.name!r} and {command.name!r}"
        raise ValueError(message)
