"""Which chain a message goes to: the one whose command it begins with, else the one whose keyword it contains.

What neither says goes to the chain of its channel.
"""

from dataclasses import replace

from chains.book import ChainBook
from chains.reading import Given, Nothing, Question, Reading, Recorded, Remark, Shown, Welcome
from pipeline.events import Clicked, Subscribed, Text
from pipeline.ports import AnswerRequest
from pipeline.text import wellformed


def routed(reading: Reading, ask: AnswerRequest, book: ChainBook) -> Reading:
    """Say for a reading which chain it concerns; webot's own commands concern none."""
    match reading:
        case Given() | Welcome() | Shown() | Recorded():
            return reading
        case Question() | Remark() | Nothing():
            return _called(ask, book) or _by_words(reading, ask, book)


def _called(ask: AnswerRequest, book: ChainBook) -> Question | Welcome | None:
    content = ask.event.content
    if not isinstance(content, Text | Clicked):
        return None
    called = book.by_command(content.text if isinstance(content, Text) else content.key, ask.event.sender)
    if called is None:
        return None
    name, words = called
    return Question(wellformed(words), chain=name) if words else Welcome(name)


def _by_words(reading: Question | Remark | Nothing, ask: AnswerRequest, book: ChainBook) -> Reading:
    content = ask.event.content
    if isinstance(reading, Question) and isinstance(content, Text):
        return replace(reading, chain=book.by_keyword(content.text, ask.event.sender))
    if isinstance(content, Subscribed) and ask.chain in book.chains and book.chains[ask.chain].welcome:
        return Welcome(ask.chain)
    return reading
