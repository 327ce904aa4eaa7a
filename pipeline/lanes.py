"""The one entrance for every transport: what a channel has read becomes ours to answer."""

from collections.abc import Callable
from math import inf
from time import time

import structlog

from pipeline import metrics
from pipeline.events import GROUP, InboundEvent, Person
from pipeline.ports import Inbox

log = structlog.get_logger()

URGENT = "/urgent"
"""Behind the name of a lane for what must not wait in it."""

_HOUR = 3600.0
_DAY = 24 * _HOUR
_MARGIN = _HOUR
"""How much the clocks of processes that share a database may differ, in seconds."""
_MOST_AHEAD = 2 * _DAY
"""How much later than now a platform may say an event was sent: our own clock may be behind by a time zone or a day."""


class Intake:
    """Puts events in their lanes.

    An event is answered once: while it is younger than `keep_days`, its key is kept and refuses a second delivery;
    after that, its own time refuses it. `keyless_until` is when the latest event was sent whose key is gone already,
    because keys were kept for a shorter time before. Both it and `clock` give seconds since 1970.
    """

    def __init__(
        self,
        inbox: Inbox,
        urgent: Callable[[InboundEvent], bool],
        *,
        keep_days: int,
        keyless_until: Callable[[], float] = lambda: -inf,
        clock: Callable[[], float] = time,
    ) -> None:
        self._inbox = inbox
        self._urgent = urgent
        self._longest = keep_days * _DAY - _MARGIN
        self._keyless_until = keyless_until
        self._clock = clock

    async def accept(self, event: InboundEvent) -> bool:
        """Store an event; True if it is new and will be answered. Raises `TryAgain` when it could not be stored."""
        if reason := self._out_of_time(event):
            return self._drop(event, reason)
        lane = lane_of(event.chat)
        if self._urgent(event):
            # Beside the person's lane, not in it: a stop that waits for what it is to stop is none.
            lane += URGENT
        new = await self._inbox.accept(event, lane=lane)
        if not new:
            metrics.DUPLICATES.labels(event.sender.channel).inc()
        return new

    def _out_of_time(self, event: InboundEvent) -> str:
        sent_at = event.sent_at.timestamp()
        age = self._clock() - sent_at
        if age > self._longest or sent_at <= self._keyless_until():
            return "too_old"
        return "in_the_future" if age < -_MOST_AHEAD else ""

    def _drop(self, event: InboundEvent, reason: str) -> bool:
        channel = event.sender.channel
        metrics.DROPPED_EVENTS.labels(channel, reason).inc()
        # A clock that is days off makes every message look like this.
        log.warning(
            "event_out_of_time",
            channel=channel,
            reason=reason,
            sent_at=event.sent_at.isoformat(),
            hint="check the clock",
        )
        return False


def group_in(lane: str, sender: Person) -> str:
    """Return the group whose lane this is, empty for the sender's own."""
    name = lane.removesuffix(URGENT)
    before = f"{sender.channel}/{GROUP}"
    return name.removeprefix(before) if name != str(sender) and name.startswith(before) else ""


def lane_of(person: Person) -> str:
    """Name the lane in which one person's turns stand in order."""
    return str(person)
