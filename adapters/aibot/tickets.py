"""What messages can be answered by: the bubbles of those that this process took, and of those that others did."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.aibot.answer_stream import AnswerStream
from pipeline.events import InboundEvent

MOST_TICKETS = 20_000


@dataclass(slots=True)
class Ticket:
    """What a callback can be answered by, for as long as this process knows it."""

    event: InboundEvent
    req_id: str
    arrived: float
    stream: AnswerStream | None
    answered: bool = False


class Tickets:
    """Those of one bot; `new_stream` makes the stream of an event that has been shown for so many seconds.

    `window` is for how many seconds a stream can be answered.
    """

    def __init__(self, new_stream: Callable[[InboundEvent, float], AnswerStream], *, window: float) -> None:
        self._new_stream = new_stream
        self._window = window
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
        self._settled: OrderedDict[str, None] = OrderedDict()
        """Keys of events of which nothing is shown any more."""
        self._unsettled: OrderedDict[str, float] = OrderedDict()
        """Since when events are over whose bubbles could not be ended here."""

    def take(self, event: InboundEvent, req_id: str, *, streams: bool) -> Ticket:
        """Return the ticket of an event that has just come, or the one it has from before."""
        known = self._tickets.get(event.key)
        if known is not None and (known.stream is None or not known.stream.expired):
            return known
        return self._keep(Ticket(event, req_id, time.monotonic(), self._new_stream(event, 0.0) if streams else None))

    def find(self, event: InboundEvent) -> Ticket | None:
        """Return what an event can be answered by, also where another process took it, or this one before it died."""
        ticket = self._tickets.get(event.key)
        if ticket is not None or not event.reply_id or event.key in self._settled:
            return ticket
        age = max(0.0, (datetime.now(UTC) - event.sent_at).total_seconds())
        if age >= self._window:
            return None
        return self._keep(Ticket(event, event.reply_id, time.monotonic() - age, self._new_stream(event, age)))

    def unanswered(self, event: InboundEvent) -> AnswerStream | None:
        """Return the stream of an event whose answer does not stand in it yet."""
        ticket = self.find(event)
        return None if ticket is None or ticket.answered else ticket.stream

    def open_stream(self, event: InboundEvent) -> AnswerStream | None:
        """Return the stream of an event that has still to be ended, and can be."""
        ticket = self.find(event)
        if ticket is None or ticket.answered or ticket.stream is None or ticket.stream.expired:
            return None
        return ticket.stream if time.monotonic() - ticket.arrived < self._window else None

    def unsettled_for(self, key: str) -> float:
        """Return for how many seconds it has been known that an event is over and its bubble cannot be ended here."""
        now = time.monotonic()
        since = self._unsettled.setdefault(key, now)
        if len(self._unsettled) > MOST_TICKETS:
            self._unsettled.popitem(last=False)
        return now - since

    def settle(self, key: str) -> None:
        """Forget an event whose turn is over: nothing is shown of it again."""
        self._tickets.pop(key, None)
        self._unsettled.pop(key, None)
        self._settled[key] = None
        if len(self._settled) > MOST_TICKETS:
            self._settled.popitem(last=False)

    def drop(self, key: str) -> None:
        """Forget an event that could not be stored."""
        self._tickets.pop(key, None)

    def events(self) -> Sequence[InboundEvent]:
        """Return the events that have a ticket."""
        return [ticket.event for ticket in self._tickets.values()]

    def _keep(self, ticket: Ticket) -> Ticket:
        self._tickets[ticket.event.key] = ticket
        while len(self._tickets) > MOST_TICKETS:
            self._tickets.popitem(last=False)
        return ticket
