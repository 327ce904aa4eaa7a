"""The one entrance for every transport: what a channel has read becomes ours to answer."""

from pipeline.events import InboundEvent
from pipeline.outcomes import lane_of
from pipeline.ports import Answerer, Inbox


class Intake:
    """Puts events in their lanes."""

    def __init__(self, inbox: Inbox, answerer: Answerer) -> None:
        self._inbox = inbox
        self._answerer = answerer

    async def accept(self, event: InboundEvent) -> bool:
        """Store an event; True if it is new. Raises `TryAgain` when it could not be stored."""
        lane = lane_of(event.sender)
        if self._answerer.urgent(event):
            # Beside the person's lane, not in it: a stop that waits for what it is to stop is none.
            lane += "/urgent"
        return await self._inbox.accept(event, lane=lane)
