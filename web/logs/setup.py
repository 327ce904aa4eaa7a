"""Log lines: ours and every library's through one pipe, masked, and written by a thread of their own."""

import contextlib
import logging
import logging.handlers
import os
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import structlog
from structlog.typing import EventDict, Processor, ProcessorReturnValue, WrappedLogger

from pipeline.errors import SettingsInvalid
from pipeline.settings import Log
from pipeline.text.i18n import Sentence, os_reason
from pipeline.text.phrases import placed
from web.logs.log_file import LogFile
from web.logs.log_limits import ForeignLineFilter, LineLimiter, limit_lines
from web.logs.log_tracebacks import format_traceback
from web.logs.redaction import Redactor

OURS = "webot"

# It says what an operator wants to know; all other libraries speak from warning up, because some of them
# (the OpenAI client is one) write whole requests to their debug log, people's words included.
_HEARD = ("litestar",)
_WITH_HANDLERS_OF_THEIR_OWN = ("uvicorn", "uvicorn.error", "uvicorn.access", "litestar")
_ACCESS = "uvicorn.access"

# Lines that may wait for a slow disk or pipe. Beyond them lines are counted instead: a service that stands still
# because nobody reads its log has failed at its job.
_WAITING_LINES = 10_000

_LONGEST_VALUE = 2000
_LONGEST_TRACEBACK = 20_000
_TRACEBACKS = ("exception", "stack")
"""The keys whose values have several lines."""

# What a terminal would obey, and what would make one line look like two.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_IN_TRACEBACK = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Logs:
    """Logging as configured, until it is closed; closing writes what is waiting, for two seconds at most."""

    def __init__(
        self, listener: logging.handlers.QueueListener, redactor: Redactor, restore: Callable[[], None]
    ) -> None:
        self._listener = listener
        self._redactor = redactor
        self._restore = restore
        self._open = True

    def guard(self, secrets: Iterable[str]) -> None:
        """Keep further secrets out of every line."""
        self._redactor.learn(secrets)

    def set_level(self, level: str) -> None:
        """Receive from another level up."""
        _hear_from(logging.getLevelNamesMapping()[level])

    def reopen(self) -> None:
        """Open the log file anew, for a program that has moved it."""
        for handler in self._listener.handlers:
            if isinstance(handler, LogFile):
                handler.reopen()

    def close(self) -> None:
        """Write what is waiting and leave logging as it was found."""
        if not self._open:
            return
        self._open = False
        self._restore()
        # A pipe nobody reads would hold the end of the process for ever.
        stop = threading.Thread(target=self._listener.stop, daemon=True, name="logs-stop")
        stop.start()
        stop.join(timeout=2.0)
        if not stop.is_alive():
            for handler in self._listener.handlers:
                with contextlib.suppress(OSError):  # what was left to write, on a disk that is still full
                    handler.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def configure_logs(
    settings: Log,
    secrets: Iterable[str] = (),
    *,
    stream: TextIO | None = None,
    waiting_lines: int = _WAITING_LINES,
) -> Logs:
    """Send every log line where the settings say; `secrets` never appear in one.

    The console is `stream`, by default standard error. Raises `SettingsInvalid` if the log file cannot be written.
    """
    masker = Redactor(secrets)
    pipe = _Pipe(waiting_lines)
    limiter = LineLimiter()
    pipe.addFilter(ForeignLineFilter(limiter))
    listener = _Listener(pipe, *_handlers(settings, masker, stream or sys.stderr))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            limit_lines(limiter),
            structlog.processors.StackInfoRenderer(),
            format_traceback,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        # One logger by name: finding the caller's module on each line costs more than the line.
        logger_factory=lambda *_: logging.getLogger(OURS),
        cache_logger_on_first_use=False,
    )
    restore = _take_over(pipe)
    _hear_from(logging.getLevelNamesMapping()[settings.level])
    listener.start()
    return Logs(listener, masker, restore)


class _Pipe(logging.handlers.QueueHandler):
    """Hands a record over without waiting, and counts those there is no room for."""

    def __init__(self, waiting_lines: int) -> None:
        self.lines: queue.SimpleQueue[logging.LogRecord | None] = queue.SimpleQueue()
        super().__init__(self.lines)
        self._room = waiting_lines
        self._dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        # Our events are dicts, rendered by the thread that writes them; others' arguments may change until then.
        if not isinstance(record.msg, dict):
            record.msg = record.getMessage()
            record.args = None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        if self.lines.qsize() < self._room:
            self.lines.put(record)
        else:
            self._dropped += 1

    def take_dropped(self) -> int:
        self.acquire()
        try:
            dropped, self._dropped = self._dropped, 0
        finally:
            self.release()
        return dropped


class _Listener(logging.handlers.QueueListener):
    """Writes the records that were handed over, and says when some were not."""

    def __init__(self, pipe: _Pipe, *handlers: logging.Handler) -> None:
        super().__init__(pipe.lines, *handlers)
        self._pipe = pipe

    def handle(self, record: logging.LogRecord) -> None:
        super().handle(record)
        if dropped := self._pipe.take_dropped():
            event = {"event": "log_lines_dropped", "count": dropped}
            dropped_record = logging.LogRecord(OURS, logging.WARNING, __file__, 0, event, None, None)
            dropped_record.__dict__ |= {"_logger": None, "_name": "warning"}
            super().handle(dropped_record)
        if self._pipe.lines.empty():
            for handler in self.handlers:
                if isinstance(handler, LogFile):
                    handler.write_lines()


class _Console(logging.StreamHandler[TextIO]):
    """Standard error, which may be a pipe whose reader has gone."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's)
        """Return nothing: there is nobody to say it to."""


def _handlers(settings: Log, redactor: Redactor, stream: TextIO) -> list[logging.Handler]:
    handlers: list[logging.Handler] = []
    if settings.output in ("console", "both"):
        console = _Console(stream)
        colours = stream.isatty() and "NO_COLOR" not in os.environ
        console.setFormatter(_formatter(settings, redactor, colours=colours))
        handlers.append(console)
    if settings.output in ("file", "both"):
        path = Path(settings.path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and not path.is_file():
                # /dev/stdout would be renamed at midnight.
                raise SettingsInvalid([placed("[log] path", Sentence("setting.no_regular_file", file=settings.path))])
            file = LogFile(path, keep=settings.rotation_count, most_bytes=int(settings.rotation_mb * 1_000_000))
        except OSError as error:
            raise SettingsInvalid(
                [placed("[log] path", Sentence("setting.file_closed", file=settings.path, reason=os_reason(error)))]
            ) from error
        file.setFormatter(_formatter(settings, redactor, colours=False))
        handlers.append(file)
    return handlers


def _formatter(settings: Log, redactor: Redactor, *, colours: bool) -> logging.Formatter:
    processors: list[Processor] = [
        _described(settings.date_format),
        format_traceback,
        _masked(redactor),
    ]
    if settings.format == "json":
        processors.append(structlog.processors.JSONRenderer(ensure_ascii=False))
    else:
        # A traceback with the values of variables would be a leak of people's words.
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain, sort_keys=False)
        processors += [_one_line, renderer]
    return structlog.stdlib.ProcessorFormatter(processors=processors)


def _described(date_format: str) -> Processor:
    def describe(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        record: logging.LogRecord = event.pop("_record")
        ours = event.pop("_from_structlog")
        when = time.strftime(date_format, time.localtime(record.created))
        head = {"timestamp": when, "level": record.levelname.lower(), "event": event.pop("event", "")}
        return head | ({} if ours else {"logger": record.name}) | dict(event)

    return describe


def _masked(redactor: Redactor) -> Processor:
    def mask(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        return {
            key: redactor.value(key, value, most=_LONGEST_TRACEBACK if key in _TRACEBACKS else _LONGEST_VALUE)
            for key, value in event.items()
        }

    return mask


def _one_line(_logger: WrappedLogger, _name: str, event: EventDict) -> ProcessorReturnValue:
    for key, value in event.items():
        if isinstance(value, str):
            control = _CONTROL_IN_TRACEBACK if key in _TRACEBACKS else _CONTROL
            event[key] = control.sub(lambda found: found[0].encode("unicode_escape").decode(), value)
    return event


def _hear_from(level: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    logging.getLogger().setLevel(max(level, logging.WARNING))
    for name in (OURS, *_HEARD):
        logging.getLogger(name).setLevel(level)


def _take_over(pipe: _Pipe) -> Callable[[], None]:
    """Make the pipe the only way out; return what undoes it."""
    root = logging.getLogger()
    former = (root.handlers[:], root.level)
    root.handlers[:] = [pipe]
    for name in _WITH_HANDLERS_OF_THEIR_OWN:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # A line for each callback would be most of the log.
    logging.getLogger(_ACCESS).disabled = True
    logging.captureWarnings(capture=True)

    def restore() -> None:
        root.handlers[:], root.level = former
        for name in (OURS, *_HEARD):
            logging.getLogger(name).setLevel(logging.NOTSET)
        logging.getLogger(_ACCESS).disabled = False
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()

    return restore
