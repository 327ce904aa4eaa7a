"""Tracebacks for the log: without the words of an error that may quote what people said."""

import sys
import traceback
from collections.abc import Iterator

from structlog.typing import EventDict, WrappedLogger

from pipeline.errors import WebotError

# Lines with one of these are about somebody's turn, and whatever broke there had a message or an answer in its hands.
_ABOUT_A_TURN = frozenset({"trace", "lane", "key"})
# Their errors quote parameters of statements, rows, and values that did not fit.
_QUOTING = ("sqlalchemy.", "asyncpg.", "pydantic", "sqlite3")
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


def error_in(event: EventDict) -> BaseException | None:
    """Return the exception that a line is about."""
    given = event.get("exc_info")
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1] if isinstance(given[1], BaseException) else None
    return sys.exc_info()[1] if given else None


def format_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the exception by its traceback; a structlog processor."""
    error = error_in(event)
    event.pop("exc_info", None)
    if error is None:
        return event
    if not _ABOUT_A_TURN & event.keys() and not any(_quotes(each) for each in _all_of(error)):
        event["exception"] = "".join(traceback.format_exception(error)).rstrip("\n")
    else:
        event["exception"] = _without_words(error)
    return event


def _without_words(error: BaseException) -> str:
    blocks: list[str] = []
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        frames = "".join(traceback.format_tb(each.__traceback__))
        inner = "".join(f"\n  with {_named(one)}" for one in _all_of(each) if isinstance(each, BaseExceptionGroup))
        head = "Traceback (most recent call last):\n" if frames else ""
        blocks.insert(0, f"{head}{frames}{_named(each)}{inner}\n")
        cause, context = each.__cause__, None if each.__suppress_context__ else each.__context__
        each = cause or context
        if each is not None and id(each) not in seen:
            blocks.insert(0, _CAUSE if cause else _CONTEXT)
    return "".join(blocks).rstrip("\n")


def _named(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if isinstance(error, WebotError):
        return f"{name}: {error}"
    return f"{name}: {error.strerror}" if isinstance(error, OSError) and error.strerror else name


def _quotes(error: BaseException) -> bool:
    return any(kind.__module__.startswith(_QUOTING) for kind in type(error).__mro__)


def _all_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its causes, and those it groups."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
