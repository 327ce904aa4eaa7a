"""Waits for the first real message of a channel that was set up, by looking into the database of the service."""

import asyncio

from web.doctor.examination import latest_accepted
from web.settings.loading import Loaded

_LOOK_SECONDS = 1.0


async def wait_for_message(loaded: Loaded, channel: str, *, within: float | None) -> bool:
    """Whether a channel accepts anything within so many seconds, or ever; the service may not run yet."""
    before = await latest_accepted(loaded, channel)
    try:
        async with asyncio.timeout(within):
            # A service in another process tells nobody here.
            while await latest_accepted(loaded, channel) in {None, before}:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        return False
    return True
