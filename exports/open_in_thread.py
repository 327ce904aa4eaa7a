"""Opens in a thread what must be closed again, and closes it even where the caller is cancelled meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


@asynccontextmanager
async def opened_in_thread(open_: Callable[[], T], close: Callable[[T], None]) -> AsyncIterator[T]:
    """Open something that may block, and close it at the end of the block, both in threads.

    A cancelled `asyncio.to_thread` leaves its thread running: what that opens would have no owner. So the end of the
    opening is waited for, and an end that has begun is not cancelled.
    """
    opening = asyncio.create_task(asyncio.to_thread(open_))
    try:
        opened = await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait((opening,))
        if opening.exception() is None:
            await asyncio.to_thread(close, opening.result())
        raise
    try:
        yield opened
    finally:
        await asyncio.shield(asyncio.to_thread(close, opened))
