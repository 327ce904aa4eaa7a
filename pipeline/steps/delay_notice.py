"""Calls a coroutine once if a block takes longer than N seconds."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Self


class DelayNotice:
    """An `async with` block beside which `lost` runs, once, if the block takes longer than `seconds`; 0 never ends.

    A timer, not a task that sleeps: most answers are there before, and then nothing has been begun.
    """

    def __init__(self, seconds: float, callback: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._seconds = seconds
        self._callback = callback
        self._timer: asyncio.TimerHandle | None = None
        self._saying: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        """Send no notice from here on."""
        if self._timer is not None:
            self._timer.cancel()
        if self._saying is not None:
            self._saying.cancel()

    async def __aenter__(self) -> Self:
        if self._seconds:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._fire)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()
        if self._saying is not None:
            await asyncio.gather(self._saying, return_exceptions=True)

    def _fire(self) -> None:
        self._saying = asyncio.create_task(self._callback())
