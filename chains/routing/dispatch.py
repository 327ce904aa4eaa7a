"""Which chain a message goes to: the one whose command it begins with, else the one whose keyword it contains.

What neither says goes to the chain of its channel.
"""

from dataclasses import replace

from chains.catalog.catalog import ChainCatalog
from chains.command import CommandIntent
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
    below_quote,
    command_line_of,
)
from pipeline.events import Subscribed, Text
from pipeline.ports import AnswerRequest
from pipeline.text.unicode import wellformed


def dispatch(reading: Intent, ask: AnswerRequest, catalog: ChainCatalog) -> Intent:
    """Return an intent with the chain it concerns; webot's own commands concern none.

    A synonym of a command gives way to a chain that has the word, and a name to a longer one that a chain has:
    `@导出报表` is not `@导出` with an argument.
    """
    match reading:
        case CommandIntent(name=name, is_synonym=is_synonym):
            return _called(ask, catalog, longer_than=len(name) - is_synonym) or reading
        case Welcome() | ImageIntent() | VoiceIntent() | DocumentIntent() | UnknownCommand():
            return reading
        case Question() | FixedReply() | NoReply():
            return _called(ask, catalog) or _by_words(reading, ask, catalog)


def _called(ask: AnswerRequest, catalog: ChainCatalog, *, longer_than: int = 0) -> Question | Welcome | None:
    line = command_line_of(ask.event.content)
    called = None if line is None else catalog.by_command(line, ask.event.sender)
    if called is None or len(called.word) <= longer_than:
        return None
    match ask.event.content:
        case Text(files=files, quoted=quoted) if called.rest or files or quoted:
            return Question(below_quote(called.rest, quoted), chain=called.chain)
        case _:
            return Question(wellformed(called.rest), chain=called.chain) if called.rest else Welcome(called.chain)


def _by_words(reading: Question | FixedReply | NoReply, ask: AnswerRequest, catalog: ChainCatalog) -> Intent:
    content = ask.event.content
    if isinstance(reading, Question) and isinstance(content, Text):
        return replace(reading, chain=catalog.by_keyword(content.text, ask.event.sender))
    if isinstance(content, Subscribed):
        chain = catalog.version(ask.chain, ask.event.sender)
        return Welcome(ask.chain) if chain is not None and chain.welcome else reading
    return reading
