"""A lane: one person's turns in the order accepted, and who may run the first of them. Pure: no I/O here.

idle ──accept──▶ ready ──claim──▶ owned ──close──▶ idle, or owned again for the next turn
  └──accept and claim in one────────▲  └──postpone, release──▶ ready (at run_at)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import isfinite
from typing import Any

_COUNT_LIMIT = 2**53
"""Above every number that JSON keeps exactly; no lane counts so far."""


class LaneUnreadable(ValueError):
    """A row of `lanes` that no lane can have; the message says which column."""


class LaneState(IntEnum):
    """Whether a lane has something to do, and whether somebody does it."""

    IDLE = 0
    READY = 1
    OWNED = 2


@dataclass(slots=True)
class Lane:
    """One row of `lanes`, changed in memory while its row is locked.

    `head` is the number of the last turn that ended, `tail` of the last accepted; `epoch` grows with each claim. `held`
    is whether there may be answers that wait for the next message to go out before its own.
    """

    name: str
    state: LaneState = LaneState.IDLE
    owner: str = ""
    epoch: int = 0
    head: int = 0
    tail: int = 0
    run_at: float = 0.0
    held: bool = False
    changed: bool = False

    @property
    def waiting(self) -> int:
        """Return how many turns have not ended."""
        return self.tail - self.head

    def held_by(self, owner: str, epoch: int) -> bool:
        """Whether a claim still stands."""
        return self.state is LaneState.OWNED and self.owner == owner and self.epoch == epoch

    def append(self) -> int:
        """Return the next turn's number."""
        self.tail += 1
        self.changed = True
        return self.tail

    def claim(self, owner: str) -> None:
        """Make the lane one worker's; every earlier claim is void from here on."""
        self.state, self.owner, self.epoch, self.changed = LaneState.OWNED, owner, self.epoch + 1, True

    def ready(self, run_at: float) -> None:
        """Allow any worker to claim the lane from a time on."""
        self.state, self.run_at, self.changed = LaneState.READY, run_at, True

    def close(self, *, keep: bool, now: float) -> bool:
        """End the first turn; True if the lane stays with its owner for the next one."""
        self.head += 1
        self.changed = True
        if not self.waiting:
            self.state = LaneState.IDLE
            return False
        if not keep:
            self.ready(now)
        return keep


def read_lane(row: Sequence[Any]) -> Lane:
    """Return the lane that a row of `lanes` is, in the order of the table's columns.

    Raises:
        LaneUnreadable: a column holds what no lane has; SQLite keeps anything, and people write into tables by hand.
    """
    name, state, owner, epoch, head, tail, run_at, held = row
    if state not in (0, 1, 2) or not isinstance(owner, str):
        raise LaneUnreadable("lanes.state or lanes.owner cannot be read")
    for number in (epoch, head, tail):
        if type(number) is not int or not 0 <= number < _COUNT_LIMIT:
            raise LaneUnreadable("lanes.epoch, head or tail is no count")
    if head > tail:
        raise LaneUnreadable("lanes.head is greater than lanes.tail")
    if not isinstance(run_at, (int, float)) or not isfinite(run_at):
        raise LaneUnreadable("lanes.run_at is no time")
    if held not in (0, 1):
        raise LaneUnreadable("lanes.held is neither 0 nor 1")
    return Lane(name, LaneState(state), owner, epoch, head, tail, run_at, bool(held))
