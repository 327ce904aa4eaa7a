"""Limits messages to what WeCom delivers to one member; it drops the rest silently (wecom-protocol.md 4)."""

import asyncio
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from pipeline.errors import TryAgain
from pipeline.events import Person
from pipeline.ports import SendLog
from pipeline.text.i18n import Sentence

_PATIENCE = 2.0
"""Seconds that are waited here; a lane that waits longer had better be put down."""

_ON_THE_WAY = 60.0
"""Seconds within which what was admitted is in the log of what was sent."""


@dataclass(slots=True)
class _Member:
    """What one person was sent: the moments of this process and of others, by our clock, oldest first."""

    admitted: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    is_known: bool = False
    """Whether the log has been asked."""
    last_used: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class MemberSendLimiter:
    """Implements `pipeline.ports.SendLimiter` by two sliding windows for each person.

    A message counts from its admission, whether it arrives or not. `shared` is whether other processes send to
    the same people: then the log is asked each time, and not only when a person is new here. Windows are in
    seconds, a little longer than WeCom's, because messages are not equally long on their way.
    """

    def __init__(
        self,
        send_log: SendLog,
        *,
        shared: bool,
        per_minute: int = 30,
        per_hour: int = 1000,
        minute: float = 61.0,
        hour: float = 3601.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._send_log = send_log
        self._shared = shared
        self._windows = ((per_minute, minute), (per_hour, hour))
        self._longest = max(minute, hour)
        self._clock = clock
        self._sleep = sleep
        self._members: OrderedDict[Person, _Member] = OrderedDict()

    async def acquire(self, person: Person) -> None:
        """Wait up to two seconds for a place and take it, or raise a blameless `TryAgain` with the wait."""
        member = self._member(person)
        async with member.turn:
            if self._shared or not member.is_known:
                ages = await self._send_log.sent_since(person, self._longest)
                now = self._clock()
                member.others = _unknown(member.admitted, sorted(now - age for age in ages))
                member.is_known = True
            moment = self._reserve(member)
        try:
            wait = moment - self._clock()
            if wait > 0:
                await self._sleep(wait)
        except asyncio.CancelledError:
            member.admitted.remove(moment)
            raise

    @property
    def people(self) -> int:
        """Count the persons that are remembered."""
        return len(self._members)

    def _member(self, person: Person) -> _Member:
        """Return the person's record, and forget whoever was sent nothing for as long as the longest window."""
        now = self._clock()
        member = self._members.setdefault(person, _Member())
        member.last_used = now
        self._members.move_to_end(person)
        while next(iter(self._members.values())).last_used < now - self._longest:
            self._members.popitem(last=False)
        return member

    def _reserve(self, member: _Member) -> float:
        """Count one message at the first moment that has a place for it."""
        now = self._clock()
        for moments in (member.admitted, member.others):
            del moments[: bisect_right(moments, now - self._longest)]
        sent = sorted(member.admitted + member.others)
        moment = max(now, sent[-1]) if sent else now
        for most, seconds in self._windows:
            if len(sent) >= most:
                moment = max(moment, sent[-most] + seconds)
        wait = moment - now
        if wait > _PATIENCE:
            raise TryAgain(Sentence("reason.next_message", seconds=round(wait)), after=wait, blameless=True)
        member.admitted.append(moment)
        return moment


def _unknown(admitted: Sequence[float], logged: Sequence[float]) -> list[float]:
    """Return the logged moments that are none of ours: ours follow their admission, in the same order."""
    unknown: list[float] = []
    place = 0
    for moment in logged:
        while place < len(admitted) and admitted[place] < moment - _ON_THE_WAY:
            place += 1
        if place < len(admitted) and admitted[place] <= moment:
            place += 1
        else:
            unknown.append(moment)
    return unknown
