"""Runs work on a text beside the event loop, with a deadline.

It runs in a thread, not in a process: the work is bounded, a thread gives up the interpreter every few milliseconds,
and a process would cost every answer the copying of it. Threads cannot be ended, so one that passes its deadline is
left behind. It is a daemon, so that it does not hold up the end of the process.

The deadline counts the CPU time of the thread where the system tells it: on a busy machine an ordinary text takes
seconds of the clock, and none of its own.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from pathlib import PurePath
from threading import Thread, get_ident
from traceback import walk_tb
from typing import TypeVar

_T = TypeVar("_T")

DEADLINE = 3.0
"""Seconds of CPU time."""

_PATIENCE = 10.0
"""Times the deadline, by the clock, after which nothing is waited for."""

_SHORTEST_WAIT = 0.01
_MOST_LEFT_BEHIND = 2
"""Threads past their deadline beyond which no more work is begun: each takes its share of the CPU."""


class DeadlineThreads:
    """Runs work of one kind, a piece at a time: threads share one interpreter."""

    def __init__(self, kind: str, *, deadline: float = DEADLINE, patience: float = _PATIENCE) -> None:
        self._kind = kind
        self._deadline = deadline
        self._patience = patience
        self._left_behind = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._one_at_a_time = asyncio.Semaphore(1)

    async def run(self, work: Callable[[], _T]) -> _T:
        """Return what the work gives, or raise what it raises.

        Raises:
            TimeoutError: It takes longer than the deadline, or others before it still do; the wait for those that are
                in time does not count.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # A semaphore belongs to one loop.
            self._loop, self._one_at_a_time = loop, asyncio.Semaphore(1)
        async with self._one_at_a_time:
            if self._left_behind >= _MOST_LEFT_BEHIND:
                message = "earlier work of this kind is still running, long past its deadline"
                raise TimeoutError(message)
            return await self._run(loop, work)

    async def _run(self, loop: asyncio.AbstractEventLoop, work: Callable[[], _T]) -> _T:
        done: asyncio.Future[tuple[_T] | Exception] = loop.create_future()
        clock: list[int] = []

        def run() -> None:
            clock.extend(_own_clock())
            try:
                made: tuple[_T] | Exception = (work(),)
            except Exception as error:  # noqa: BLE001 - raised again where it is awaited
                made = error
            # The loop may be closed by now.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(done.set_result, made)

        Thread(target=run, name=self._kind, daemon=True).start()
        last = loop.time() + self._deadline * self._patience
        left = self._deadline
        while not done.done() and left > 0 and loop.time() < last:
            await asyncio.wait({done}, timeout=max(left, _SHORTEST_WAIT))
            left = self._deadline - _cpu_seconds(clock)
        if not done.done():
            self._left_behind += 1
            done.add_done_callback(self._note_end)
            raise TimeoutError
        made = done.result()
        if isinstance(made, Exception):
            raise made
        return made[0]

    def _note_end(self, _done: object) -> None:
        self._left_behind -= 1


def _own_clock() -> tuple[int, ...]:
    """Return the clock of the calling thread's CPU time, where the system has one."""
    clock_of = getattr(time, "pthread_getcpuclockid", None)
    return () if clock_of is None else (clock_of(get_ident()),)


def _cpu_seconds(clock: Sequence[int]) -> float:
    """Return what a thread has used by its clock: infinite without one, 0 after its end."""
    if not clock:
        return inf
    try:
        return time.clock_gettime(clock[0])
    except OSError:
        return 0.0


def place_of(error: Exception) -> str:
    """Return the file and line that raised an error, "" where none did; its words may quote the text."""
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    return f"{PurePath(frames[-1][0]).name}:{frames[-1][1]}" if frames else ""
