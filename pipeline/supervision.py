"""Keeps background loops running: one that ends, by an error or by itself, is begun again after a growing pause."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import structlog

from pipeline import metrics
from pipeline.errors import TryAgain
from pipeline.text.i18n import Sentence

log = structlog.get_logger()

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_SETTLED = 60.0
"""Seconds after which a loop that runs is no longer held to have ended a moment ago."""


class SupervisedLoop:
    """A loop that shall run for as long as the service does; `name` is how `/readyz` and `/metrics` call it."""

    def __init__(self, name: str, run: Callable[[], Awaitable[None]], *, first_pause: float = _FIRST_PAUSE) -> None:
        self.name = name
        self._run = run
        self._first_pause = first_pause
        self._task: asyncio.Task[None] | None = None
        self._finishing = False
        self._how = self._kind = ""
        """How it ended last, as a sentence of the catalogue, and of which error."""
        self._failures = 0
        """How often it has ended since it last ran for a while."""
        self._began = 0.0
        self._pausing = False

    @property
    def trouble(self) -> str:
        """Return why the loop does not run, or that it ends again and again; else nothing."""
        if self._task is None or self._task.done():
            return Sentence("reason.loop_stopped")
        if self._pausing or (self._failures > 1 and monotonic() - self._began < _SETTLED):
            return Sentence(self._how, kind=self._kind, count=self._failures)
        return ""

    def start(self) -> None:
        """Begin the loop, and begin it again whenever it ends."""
        self._finishing = False
        self._task = asyncio.create_task(self._supervise(), name=self.name)

    async def stop(self) -> None:
        """End the loop where it stands."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def finish(self) -> None:
        """Wait until the loop ends by itself; it is not begun again."""
        self._finishing = True
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _supervise(self) -> None:
        while True:
            self._began, self._pausing = monotonic(), False
            metrics.LOOP_UP.labels(self.name).set(1)
            try:
                await self._run()
                self._how, self._kind = "reason.loop_by_itself", ""
            except asyncio.CancelledError:
                if (task := asyncio.current_task()) is None or task.cancelling():
                    raise
                # Nobody ended the loop: something it waited for was cancelled.
                log.exception("loop_ended", loop=self.name)
                self._how, self._kind = "reason.loop_cancelled", ""
            except TryAgain as error:
                # What it works with is away, and says so itself.
                self._how, self._kind = "reason.loop_waits", type(error).__name__
            except Exception as error:  # the edge of a loop: it goes on, whatever it met
                log.exception("loop_ended", loop=self.name)
                self._how, self._kind = "reason.loop_broke", type(error).__name__
            if self._finishing:
                return
            settled = monotonic() - self._began > _SETTLED
            self._failures = 1 if settled else self._failures + 1
            self._pausing = True
            metrics.LOOP_UP.labels(self.name).set(0)
            metrics.LOOP_RESTARTS.labels(self.name).inc()
            pause = min(_LONGEST_PAUSE, self._first_pause * 2 ** min(self._failures - 1, 10))
            say = log.warning if self._how == "reason.loop_waits" else log.error
            say("loop_restarts", loop=self.name, how=self._how.removeprefix("reason."), error=self._kind, seconds=pause)
            await asyncio.sleep(pause)
