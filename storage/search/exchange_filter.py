"""Which exchanges are wanted: one set of filters for the page, the API, the shell and exports."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from time import time
from typing import Any

from pipeline.text.search_words import search_phrases, search_words
from storage.conversations.ratings import WRITTEN, Rating
from storage.terms.exchange_terms import (
    FAILED,
    chain_term,
    channel_term,
    day_of,
    day_term,
    group_term,
    model_term,
    month_term,
    rating_term,
    revision_term,
    term,
    tool_term,
    user_term,
)

_EARLIEST = datetime(2015, 1, 1, tzinfo=UTC).timestamp()
"""Nothing is older: WeCom is not."""
_LATEST = 253402300799.0
"""The end of the year 9999."""
_INSTANT = 1e-6
"""A day that begins when the time is over has nothing that is wanted."""


@dataclass(frozen=True, slots=True)
class ExchangeFilter:
    """What is wanted; empty fields want everything. Times in seconds since 1970, `until` not included.

    `user` is a user id, whatever its case, also of whoever spoke in a group. `words` are parts of texts that all stand
    in the exchange, in question or answer. An exchange `failed` whose answer is not whole or for which a tool failed.
    """

    user: str = ""
    channel: str = ""
    group: str = ""
    chain: str = ""
    revision: str = ""
    model: str = ""
    tool: str = ""
    rated: Rating = ""
    failed: bool = False
    since: float | None = None
    until: float | None = None
    words: str = ""

    def __bool__(self) -> bool:
        """Whether anything is filtered at all."""
        return self != ExchangeFilter()

    @property
    def phrases(self) -> tuple[str, ...]:
        """Return what must stand in the texts, folded."""
        return search_phrases(self.words)

    @property
    def too_short(self) -> bool:
        """Whether the words are such that no index finds them: one Chinese character, or signs alone."""
        return bool(self.phrases) and not search_words(self.words)

    def described(self) -> dict[str, Any]:
        """Return what is set, for addresses, manifests and the audit."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "", False)}

    def all_terms(self) -> tuple[int, ...]:
        """Return the terms that what is wanted has, every one."""
        return tuple(dict.fromkeys(self._terms()))

    def any_terms(self) -> tuple[int, ...]:
        """Return the terms of which what is wanted has one; none where any day will do."""
        if self.since is None and self.until is None:
            return ()
        first = min(max(self.since if self.since is not None else _EARLIEST, _EARLIEST), _LATEST)
        last = min(max(self.until if self.until is not None else _LATEST, first), max(time() + 86400, first))
        return tuple(_days(day_of(first), day_of(max(first, last - _INSTANT))))

    def _terms(self) -> Iterator[int]:
        for value, made in (
            (self.user, user_term),
            (self.channel, channel_term),
            (self.group, group_term),
            (self.chain, chain_term),
            (self.revision, revision_term),
            (self.model, model_term),
            (self.tool, tool_term),
        ):
            if value:
                yield made(value)
        if self.rated:
            yield rating_term(WRITTEN[self.rated])
        if self.failed:
            yield FAILED
        yield from (term(word) for phrase in self.phrases for word in search_words(phrase))


def _days(begin: date, end: date) -> Iterator[int]:
    """Return the terms of every day from one to another, whole months in one."""
    day = begin
    while day <= end:
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        if day.day == 1 and following - timedelta(days=1) <= end:
            yield month_term(day)
            day = following
        else:
            yield day_term(day)
            day += timedelta(days=1)


EVERY_EXCHANGE = ExchangeFilter()
