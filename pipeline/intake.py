"""The one entrance for every transport: what a channel has read becomes ours to answer."""

from collections.abc import Callable

from pipeline.events import InboundEvent
from pipeline.outcomes import lane_of
from pipeline.ports import Inbox


class Intake:
    """Puts events in their lanes."""

    def __init__(self, inbox: Inbox, urgent: Callable[[InboundEvent], bool]) -> None:
        self._inbox = inbox
        self._urgent = urgent

    async def accept(self, event: InboundEvent) -> bool:
        """Store an event; True if it is new. Raises `TryAgain` when it could not be stored."""
        lane = lane_of(event.sender)
        if self._urgent(event):
            # Beside the person's lane, not in it: a stop that waits for what it is to stop is none.
            lane += "/urgent"
        return await self._inbox.accept(event, lane=lane)
