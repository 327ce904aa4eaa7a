"""Follows a conversation as it goes on, until the one who follows leaves or the service stops."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from adapters.simulator.platform.timeline import Entry

_HEARTBEAT_SECONDS = 15.0


async def follow(entries: AsyncIterator[Entry], closing: asyncio.Event) -> AsyncGenerator[Entry | None]:
    """Yield each entry, and None now and then to keep the connection; end when `closing` is set."""
    end = asyncio.create_task(closing.wait())
    coming = asyncio.ensure_future(anext(entries))
    try:
        while True:
            done, _ = await asyncio.wait({coming, end}, timeout=_HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if coming in done:
                yield coming.result()
                coming = asyncio.ensure_future(anext(entries))
            elif end in done:
                return
            else:
                yield None
    finally:
        for task in (coming, end):
            task.cancel()
        await asyncio.gather(coming, end, return_exceptions=True)
