"""Runs several trials at once and yields what comes of them as each ends."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_completion_order(work: Iterable[Coroutine[Any, Any, T]]) -> AsyncGenerator[T]:
    """Yield the results in the order in which they come; what still runs is cancelled where the caller stops early."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        for ended in asyncio.as_completed(tasks):
            yield await ended
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
