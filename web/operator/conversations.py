"""What page, API and shell ask of conversations: filters as people write them, and what was said."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal, cast

from pipeline.text.i18n import Sentence
from storage.conversations.ratings import WRITTEN
from storage.search.exchange_filter import ExchangeFilter

_TEXTS = ("words", "user", "channel", "group", "chain", "revision", "model", "tool")
_LONGEST = 200
_DAYS = ("since", "until")
FILTERS = (*_TEXTS, "rated", "failed", *_DAYS)
"""What exchanges are filtered by, as the parameters of an address are called."""


@dataclass(frozen=True, slots=True)
class AskedFilter:
    """A filter as it was asked for: `given` are the parameters that say something, `wrong` what is wrong with them."""

    wanted: ExchangeFilter
    given: Mapping[str, str]
    wrong: tuple[Sentence, ...] = ()


def read_filter(parameters: Mapping[str, str]) -> AskedFilter:
    """Read a filter; `since` and `until` are days of the service's time zone, both included."""
    given = {name: value for name in FILTERS if (value := parameters.get(name, "").strip()[:_LONGEST])}
    wrong: list[Sentence] = []
    texts = {name: given[name] for name in _TEXTS if name in given}
    wanted = ExchangeFilter(**texts)  # type: ignore[arg-type] # all of them are texts
    if wanted.too_short:
        wrong.append(Sentence("console.conversations_too_short", words=wanted.words))
    if (rated := given.get("rated", "")) in WRITTEN:
        wanted = replace(wanted, rated=cast("Literal['', 'good', 'bad']", rated))
    else:
        wrong.append(Sentence("console.conversations_no_rating", found=rated))
    if (failed := given.get("failed", "false")) in {"1", "true", "on"}:
        wanted = replace(wanted, failed=True)
    elif failed not in {"0", "false"}:
        wrong.append(Sentence("console.conversations_no_flag", found=failed))
    for name in _DAYS:
        if name in given:
            if (seconds := _begins(given[name], following=name == "until")) is None:
                wrong.append(Sentence("console.conversations_no_day", found=given[name]))
            elif name == "since":
                wanted = replace(wanted, since=seconds)
            else:
                wanted = replace(wanted, until=seconds)
    return AskedFilter(wanted, given, tuple(wrong))


def _begins(day: str, *, following: bool) -> float | None:
    """Return when a day begins here, or the one after it, in seconds since 1970; None for what is no day."""
    with suppress(ValueError, OverflowError, OSError):
        begin = date.fromisoformat(day) + timedelta(days=following)
        return datetime(begin.year, begin.month, begin.day).astimezone().timestamp()
    return None
