"""Whether events can be stored: by a write that is tried, and by what became of the writes before it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic

from pipeline import metrics
from pipeline.errors import TryAgain, WriteRefused
from pipeline.text.i18n import Sentence

_FRESH = 1.0
_DEADLINE = 2.0
_WINDOW = 5.0
_BROKEN = 5
_BROKEN_SECONDS = 30.0
_STORM = 3
"""Failures within the window that are no accident, if they outnumber what was written; people, of whom nobody's
answer is taken."""
_REFUSED_SECONDS = 60.0


class WriteOutcomes:
    """What became of the latest transactions: a small write may pass where larger ones fail."""

    def __init__(self) -> None:
        self.written = 0
        """How many transactions were committed that wrote something of people's."""
        self._latest: deque[tuple[float, str]] = deque(maxlen=100)
        self._refused: dict[str, tuple[float, str]] = {}
        """Lanes whose answers were refused since one was last recorded, when, and why."""

    def note(self, code: str = "") -> None:
        """Note a transaction; `code` says why it failed."""
        self.written += not code
        self._latest.append((monotonic(), code))

    def note_answer(self, lane: str = "", code: str = "") -> None:
        """Note that an answer was recorded, or that a lane's was refused and why."""
        if not code:
            self._refused.clear()
        elif lane in self._refused or len(self._refused) < _STORM:
            self._refused[lane] = monotonic(), code

    @property
    def trouble(self) -> str:
        """Return why most of the latest transactions failed, or nothing."""
        now = monotonic()
        codes = [code for at, code in self._latest if at >= now - _WINDOW]
        failed = [code for code in codes if code]
        if len(failed) >= _STORM and len(failed) * 2 >= len(codes):
            return Sentence("reason.writes_failed", failed=len(failed), all=len(codes), code=failed[-1])
        refused = [code for at, code in self._refused.values() if at >= now - _REFUSED_SECONDS]
        return Sentence("reason.answers_refused", code=refused[-1]) if len(refused) >= _STORM else ""


class Storm:
    """Whether turns break one after the other."""

    def __init__(self) -> None:
        self._latest: deque[float] = deque(maxlen=_BROKEN)

    def note(self) -> None:
        """Note that a turn, or the lane it was in, ended in an error of ours."""
        metrics.LANES_BROKEN.inc()
        self._latest.append(monotonic())

    @property
    def trouble(self) -> str:
        """Return that they do, or nothing."""
        if len(self._latest) < _BROKEN or monotonic() - self._latest[0] > _BROKEN_SECONDS:
            return ""
        return Sentence("reason.turns_break", count=_BROKEN, seconds=f"{_BROKEN_SECONDS:g}")


class Readiness:
    """Tries a write, one at a time however many ask; that it went well holds for a second."""

    def __init__(
        self, probe: Callable[[], Awaitable[None]], outcomes: WriteOutcomes, *, deadline: float = _DEADLINE
    ) -> None:
        self._probe = probe
        self._outcomes = outcomes
        self._deadline = deadline
        self._task: asyncio.Task[str] | None = None
        self._began = self._wrote = 0.0

    async def trouble(self) -> str:
        """Return why nothing can be written, or nothing; never the driver's words, for anybody may read it."""
        if self._task is None or (self._task.done() and monotonic() - self._wrote >= _FRESH):
            self._began = monotonic()
            self._task = asyncio.create_task(self._try(), name="write probe")
        # One that hangs is waited for once, not by each who asks.
        await asyncio.wait({self._task}, timeout=max(0.0, self._began + self._deadline - monotonic()))
        if not self._task.done():
            return Sentence("reason.write_hangs", seconds=round(monotonic() - self._began))
        return self._task.result() or self._outcomes.trouble

    async def _try(self) -> str:
        try:
            await self._probe()
        except (TryAgain, WriteRefused) as error:
            return Sentence("reason.write_failed", code=error.code or type(error).__name__)
        self._wrote = monotonic()
        return ""
