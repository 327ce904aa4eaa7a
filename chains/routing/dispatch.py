"""Which chain a message goes to: the one whose command it begins with, else the one whose keyword it contains.

What neither says goes to the chain of its channel.
"""

from dataclasses import replace

from chains.catalog.catalog import ChainCatalog
from chains.routing.intents import (
    CommandIntent,
    FixedReply,
    ImageIntent,
    Intent,
    NoReply,
    Question,
    VoiceIntent,
    Welcome,
)
from pipeline.events import Clicked, Subscribed, Text
from pipeline.ports import AnswerRequest
from pipeline.text.unicode import wellformed


def dispatch(reading: Intent, ask: AnswerRequest, catalog: ChainCatalog) -> Intent:
    """Return an intent with the chain it concerns; webot's own commands concern none."""
    match reading:
        case CommandIntent() | Welcome() | ImageIntent() | VoiceIntent():
            return reading
        case Question() | FixedReply() | NoReply():
            return _called(ask, catalog) or _by_words(reading, ask, catalog)


def _called(ask: AnswerRequest, catalog: ChainCatalog) -> Question | Welcome | None:
    content = ask.event.content
    if not isinstance(content, Text | Clicked):
        return None
    called = catalog.by_command(content.text if isinstance(content, Text) else content.key, ask.event.sender)
    if called is None:
        return None
    name, words = called
    return Question(wellformed(words), chain=name) if words else Welcome(name)


def _by_words(reading: Question | FixedReply | NoReply, ask: AnswerRequest, catalog: ChainCatalog) -> Intent:
    content = ask.event.content
    if isinstance(reading, Question) and isinstance(content, Text):
        return replace(reading, chain=catalog.by_keyword(content.text, ask.event.sender))
    if isinstance(content, Subscribed) and ask.chain in catalog.chains and catalog.chains[ask.chain].welcome:
        return Welcome(ask.chain)
    return reading
