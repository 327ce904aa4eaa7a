"""What an exchange is found by, as numbers: its words, and the values it is filtered by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zlib import crc32

from pipeline.answer import ToolUse
from pipeline.events import GROUP
from pipeline.text.search_words import search_words
from storage.database.codec import tools_from_json
from storage.database.reading import read_or_none, read_text, read_time

_VALUE = "\0"
"""Before a value, so that no word is taken for one."""


@dataclass(frozen=True, slots=True)
class IndexedExchange:
    """What of an exchange the index is made of; `chat` and `speaker` are persons as the tables write them."""

    chat: str
    speaker: str
    question: str
    answer: str
    at: float
    chain: str = ""
    revision: str = ""
    model: str = ""
    tools: str = "[]"
    cut: str = ""
    good: bool = False
    """Whether anybody thinks the answer good, as `bad` is for bad; in a group both may be."""
    bad: bool = False

    def terms(self) -> tuple[int, ...]:
        """Return the numbers of everything the exchange is found by, in their order."""
        words = search_words(read_text(self.question)) | search_words(read_text(self.answer))
        return tuple(sorted({term(word) for word in words} | {*self._values()}))

    def _values(self) -> Iterator[int]:
        channel, _, chat = read_text(self.chat).partition("/")
        person = read_text(self.speaker).partition("/")[2] or chat
        tools = read_or_none(tools_from_json, self.tools) or ()
        yield channel_term(channel)
        yield user_term(person)
        if chat.startswith(GROUP):
            yield group_term(chat.removeprefix(GROUP))
        if self.chain:
            yield chain_term(read_text(self.chain))
        if self.revision:
            yield revision_term(read_text(self.revision))
        if self.model:
            yield model_term(read_text(self.model))
        if self.good:
            yield rating_term(1)
        if self.bad:
            yield rating_term(-1)
        if failed(read_text(self.cut), tools):
            yield FAILED
        yield from (tool_term(used.name) for used in tools)
        if at := read_time(self.at):
            yield day_term(at.date())
            yield month_term(at.date())


def failed(cut: str, tools: Sequence[ToolUse]) -> bool:
    """Whether something went wrong on the way to an answer: it is not whole, or a tool did not do its work."""
    return bool(cut) or any(used.outcome != "done" for used in tools)


def term(word: str) -> int:
    """Return the number of a word; two words may share one, so what is found by it is looked at again."""
    return crc32(word.encode(errors="replace")) - (1 << 31)


def channel_term(channel: str) -> int:
    """Return what exchanges of a channel are found by."""
    return term(f"{_VALUE}channel {channel}")


def user_term(user: str) -> int:
    """Return what exchanges of a person are found by, whatever the case of the user id."""
    return term(f"{_VALUE}user {user.lower()}")


def group_term(group: str) -> int:
    """Return what exchanges of a group are found by."""
    return term(f"{_VALUE}group {group}")


def chain_term(chain: str) -> int:
    """Return what answers of a chain are found by."""
    return term(f"{_VALUE}chain {chain}")


def revision_term(revision: str) -> int:
    """Return what answers of a revision are found by."""
    return term(f"{_VALUE}revision {revision}")


def model_term(model: str) -> int:
    """Return what answers of a model are found by."""
    return term(f"{_VALUE}model {model}")


def rating_term(rating: int) -> int:
    """Return what answers are found by that people thought good, 1, or bad, -1."""
    return term(f"{_VALUE}rating {rating}")


def tool_term(name: str) -> int:
    """Return what answers are found by for which a tool was used."""
    return term(f"{_VALUE}tool {name}")


def day_term(day: date) -> int:
    """Return what is found of a day of UTC."""
    return term(f"{_VALUE}day {day:%Y%m%d}")


def month_term(day: date) -> int:
    """Return what is found of a month of UTC."""
    return term(f"{_VALUE}month {day:%Y%m}")


FAILED = term(f"{_VALUE}failed")


def day_of(seconds: float) -> date:
    """Return the day of UTC at a time in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).date()
