"""A lane: one person's turns in the order accepted, and who may run the first of them. Pure: no I/O here.

idle ──accept──▶ ready ──claim──▶ owned ──close──▶ idle, or owned again for the next turn
  └──accept and claim in one────────▲  └──postpone, release──▶ ready (at run_at)
"""

from dataclasses import dataclass
from enum import IntEnum


class LaneState(IntEnum):
    """Whether a lane has something to do, and whether somebody does it."""

    IDLE = 0
    READY = 1
    OWNED = 2


@dataclass(slots=True)
class Lane:
    """One row of `lanes`, changed in memory while its row is locked.

    `head` is the number of the last turn that ended, `tail` of the last accepted; `epoch` grows with each claim.
    """

    name: str
    state: LaneState = LaneState.IDLE
    owner: str = ""
    epoch: int = 0
    head: int = 0
    tail: int = 0
    run_at: float = 0.0
    changed: bool = False

    @property
    def waiting(self) -> int:
        """How many turns have not ended."""
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
        """Let any worker claim the lane from a time on."""
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
