"""Decides when a turn may begin: there is room for it, and no callback is coming in.

WeCom hangs up after 5 s, a person waits seconds anyway, and both share one event loop. When two hundred people write
at the same moment, the turns of the first would stand in the way of the callbacks of the last.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_LONGEST = 0.2
"""Seconds a turn lets others in before it; under a flood that does not end, turns go on after them."""


class AdmissionGate:
    """Counts events that are being accepted, and lets turns begin when none is, one a round of the loop."""

    def __init__(self, *, longest: float = _LONGEST) -> None:
        self._longest = longest
        self._accepting = 0
        self._free = asyncio.Event()
        self._free.set()
        self._next = asyncio.Lock()

    @contextmanager
    def accepting(self) -> Iterator[None]:
        """Count an event as long as it is being accepted."""
        self._accepting += 1
        self._free.clear()
        try:
            yield
        finally:
            self._accepting -= 1
            if not self._accepting:
                self._free.set()

    async def wait(self) -> None:
        """Return when nobody is coming in, or has been for too long."""
        if self._free.is_set() and not self._next.locked():
            return
        deadline = asyncio.get_running_loop().time() + self._longest
        async with self._next:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self._free.wait()
            # Those who came meanwhile are read before the next turn begins.
            await asyncio.sleep(0)


class Capacity:
    """Room for `most` turns: those that run, and those that a write under way may begin.

    Room that is reserved looks taken to everyone else, and is often given back unused: the event was a repetition,
    or its lane was busy. So whoever finds no room must be told when there is some, not only when a turn ends.
    """

    def __init__(self, most: int, *, running: Callable[[], int], freed: Callable[[], None]) -> None:
        self.most = most
        self._running = running
        self._freed = freed
        self._reserved = 0
        self._refused = False

    @property
    def left(self) -> int:
        """Return how many more turns may begin; negative after `most` was lowered."""
        return self.most - self._running() - self._reserved

    def has_room(self) -> bool:
        """Return whether another turn may begin. After a no, `freed` is called once there is room."""
        if self.left > 0:
            return True
        self._refused = True
        return False

    def reserve(self, count: int) -> None:
        """Reserve room for turns that a write under way may begin."""
        self._reserved += count

    def release(self, count: int) -> None:
        """Release reserved room; the turns that began are counted by `running` from now on."""
        self._reserved -= count

    @contextmanager
    def reserved(self, count: int) -> Iterator[None]:
        """Reserve room for as long as the block runs."""
        self.reserve(count)
        try:
            yield
        finally:
            self.release(count)

    def tell(self) -> None:
        """Call `freed` if somebody was refused and there is room now."""
        if self._refused and self.left > 0:
            self._refused = False
            self._freed()
