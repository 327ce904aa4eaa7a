"""Lets incoming callbacks go before running turns: WeCom hangs up after 5 s, a person waits seconds anyway.

Both share one event loop. When two hundred people write at the same moment, the turns of the first would stand in the
way of the callbacks of the last.
"""

import asyncio
from collections.abc import Iterator
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
