"""Reads of the same kind that are asked for at the same time share one statement."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from storage.database.failures import Meaning, read_failure

Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")

PAUSE_SECONDS = 0.02
"""How long a statement waits for more keys right after one that read several: an answer among many takes 11 % less CPU.

After as long a silence nobody is waited for.
"""


class BatchReader(Generic[Key, Found]):
    """Collects what is asked for while a statement is under way, and reads up to `most` keys with the next.

    `read` returns what it found, by key. One statement at a time: with two, sixty turns at once shared each statement
    with three others at best, and the statements took a fifth of the CPU of an answer (measured).
    """

    def __init__(
        self,
        read: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Found]]],
        *,
        most: int,
        pause_seconds: float = PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._most = most
        self._pause_seconds = pause_seconds
        self._waiting: deque[tuple[Key, asyncio.Future[Found | None]]] = deque()
        self._reading: asyncio.Task[None] | None = None
        self._clock = clock
        self._busy_until = 0.0
        """Until when the next statement waits for more, by the clock: a pause after the end of one that was shared."""

    async def read(self, key: Key) -> Found | None:
        """Return what is found for a key, None for nothing. Raises what the statement raises."""
        future: asyncio.Future[Found | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if self._reading is None:
            self._reading = asyncio.create_task(self._run(), name="batch read")
        return await future

    async def _run(self) -> None:
        try:
            await self._read_waiting()
        finally:
            # In the same step in which nobody was found waiting: who asks in the next one begins a task.
            self._reading = None

    async def _read_waiting(self) -> None:
        while self._waiting:
            # One statement for all asked in the same step of the loop; where many ask, for all within a pause.
            is_worth_waiting = self._clock() < self._busy_until and len(self._waiting) < self._most
            await asyncio.sleep(self._pause_seconds if is_worth_waiting else 0)
            asked: dict[Key, list[asyncio.Future[Found | None]]] = {}
            while self._waiting and len(asked) < self._most:
                key, future = self._waiting.popleft()
                if not future.done():
                    asked.setdefault(key, []).append(future)
            if asked:
                await self._answer(asked)
            self._busy_until = self._clock() + self._pause_seconds if len(asked) > 1 else 0.0

    async def _answer(self, asked: Mapping[Key, Sequence[asyncio.Future[Found | None]]]) -> None:
        try:
            found = await self._read(list(asked))
        except Exception as error:  # noqa: BLE001 -- those who asked get it
            if len(asked) > 1 and read_failure(error).meaning is Meaning.DATA:
                # One row that cannot be read must not keep the others from being read.
                for key, futures in asked.items():
                    await self._answer({key: futures})
                return
            for future in _open(asked):
                future.set_exception(error)
        except BaseException:
            for future in _open(asked):
                future.cancel()
            raise
        else:
            for key, futures in asked.items():
                for future in _open({key: futures}):
                    future.set_result(found.get(key))


def _open(asked: Mapping[Key, Sequence[asyncio.Future[Found | None]]]) -> list[asyncio.Future[Found | None]]:
    """Return those that are waited for yet."""
    return [future for futures in asked.values() for future in futures if not future.done()]
