"""Keeps the same log line from being written again and again: the first of a minute, and then how many there were."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from web.logs.log_tracebacks import error_in

_SECONDS = 60.0
_KNOWN_LINES = 2000
"""How many different lines are remembered; a stranger may choose the words of some."""
_REASON_LENGTH = 300
_LOUD = frozenset({"warning", "error", "critical"})

# Each of these comes as often as a stranger calls or a loop goes round, for as long as its cause lasts.
_ONCE_A_MINUTE: Mapping[str, tuple[str, ...]] = {
    "batch_split": ("error",),
    "bell_broken": ("error",),
    "bell_not_connected": ("error",),
    "bot_answer_unconfirmed": (),
    "bot_frame_refused": ("channel", "reason"),
    "bot_lease_not_renewed": ("channel", "error"),
    "callback_not_stored": ("channel", "reason"),
    "callback_refused": ("channel", "reason"),
    "chains_not_watched": (),
    "claim_failed": ("error",),
    "cleaning_failed": ("what", "error"),
    "console_password_wrong": ("peer",),
    "dispatch_failed": (),
    "event_out_of_time": ("channel", "reason"),
    "lane_broke": (),
    "late_accept_failed": ("error",),
    "lease_not_renewed": ("error",),
    "loop_ended": ("loop",),
    "loop_restarts": ("loop",),
    "orphans_not_freed": ("error",),
    "request_refused": ("reason",),
    "schema_not_read": ("error",),
    "settings_not_taken_over": (),
    "write_waits": ("operation", "error"),
}
_MOST_A_MINUTE = 10
"""Of any other warning with the same words that is not about one turn: a limit for what nobody thought of."""


class LineLimiter:
    """Counts lines by what they say; `clock` gives seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # When the minute of a line began, how many were written in it, and how many left out since the last one.
        self._lines: OrderedDict[Hashable, tuple[float, int, int]] = OrderedDict()

    def acquire(self, line: Hashable, *, most: int = 1) -> int | None:
        """Return how many lines like this were left out since the last one, or None where this one is to be too."""
        now = self._clock()
        with self._lock:
            began, written, left_out = self._lines.pop(line, (now, 0, 0))
            if now - began >= _SECONDS:
                began, written = now, 0
            if written >= most:
                self._lines[line] = (began, written, left_out + 1)
                return None
            self._lines[line] = (began, written + 1, 0)
            if len(self._lines) > _KNOWN_LINES:
                self._lines.popitem(last=False)
            return left_out


def limit_lines(limiter: LineLimiter) -> Processor:
    """Make the step that leaves out our own lines; `repeated` on a line says how many like it were."""

    def limit(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        name = str(event.get("event", ""))
        fields = _ONCE_A_MINUTE.get(name)
        if fields is not None:
            left_out = limiter.acquire((name, *(_reason(event.get(field)) for field in fields)))
        elif method in _LOUD and "trace" not in event:
            said = tuple(sorted((key, _reason(value)) for key, value in event.items() if isinstance(value, str)))
            left_out = limiter.acquire(said, most=_MOST_A_MINUTE)
        else:
            left_out = 0
        if left_out is None:
            raise structlog.DropEvent
        if left_out:
            event["repeated"] = left_out
        _limit_traceback(limiter, name, event)
        return event

    return limit


class ForeignLineFilter(logging.Filter):
    """Leaves out the lines of libraries that have the same words, whatever is filled into them."""

    def __init__(self, limiter: LineLimiter) -> None:
        super().__init__()
        self._limiter = limiter

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is written; ours have been looked at."""
        if isinstance(record.msg, dict) or record.levelno < logging.WARNING:
            return True
        error = record.exc_info[0] if record.exc_info else None
        left_out = self._limiter.acquire((record.name, _reason(record.msg), error))
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (repeated {left_out} times)", None
        return left_out is not None


def _limit_traceback(limiter: LineLimiter, name: str, event: EventDict) -> None:
    error = error_in(event)
    if error is None:
        return
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = (last.tb_frame.f_code.co_filename, last.tb_lineno) if last is not None else None
    if limiter.acquire(("traceback", name, type(error), place)) is None:
        del event["exc_info"]
        event.setdefault("error", type(error).__name__)


def _reason(value: object) -> str:
    return str(value)[:_REASON_LENGTH]
