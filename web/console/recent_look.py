"""Shares what pages ask for again and again: one look, and the page made of it, serve all who ask within a second."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, TypeVar

_FRESH_SECONDS = 1.0
"""A page asks every three seconds."""
_MOST_PAGES = 16

T = TypeVar("T")


@dataclass(slots=True)
class Look(Generic[T]):
    """What was found, and the pages made of it."""

    found: T
    _pages: dict[Hashable, str] = field(default_factory=dict)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def page(self, key: Hashable, make: Callable[[], Awaitable[str]]) -> str:
        """Return the page for all who see the same, which `key` says; the first of them has it made."""
        async with self._making:
            page = self._pages.get(key)
            if page is None:
                page = await make()
                # Part of the key may be a browser's own word, which must not fill the memory.
                if len(self._pages) < _MOST_PAGES:
                    self._pages[key] = page
            return page


class RecentLook(Generic[T]):
    """Looks at most once a second, however many ask."""

    def __init__(self, find: Callable[[], Awaitable[T]], *, clock: Callable[[], float] = monotonic) -> None:
        self._find = find
        self._clock = clock
        self._finding = asyncio.Lock()
        self._latest: tuple[float, Look[T]] | None = None

    async def get(self) -> Look[T]:
        """Return what was found within the last second, or look; what the look raises is raised to each who asks."""
        async with self._finding:
            # Of before the look, so that nothing is shown that is older than a second when it began.
            now = self._clock()
            if self._latest is None or now - self._latest[0] >= _FRESH_SECONDS:
                self._latest = now, Look(await self._find())
            return self._latest[1]
