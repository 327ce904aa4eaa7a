"""What can be asked of the ledger, as values; all but `Claim` name the lane they change.

Operations that wait at the same time share one transaction (see `ledger.py`), so none of them may fail for a
reason of its own: what cannot be done is a result, such as `Accepted(new=False)`, or a `LaneLost` for the one
who asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

from pipeline.answer import Change
from pipeline.events import InboundEvent
from pipeline.replies import Part, Receipt
from pipeline.turn_state import (
    Finished,
    OutgoingPart,
    Postponed,
    Turn,
)

R = TypeVar("R")


class Operation(Generic[R]):
    """What can be asked; `R` is what comes of it."""

    __slots__ = ()

    def repeated(self) -> Self:
        """Return the operation as it is asked again after it may have been done: a commit's answer can be lost."""
        return self


@dataclass(frozen=True, slots=True)
class Accept(Operation["Accepted"]):
    """Store an event; with `claim`, an idle lane becomes ours in the same stroke."""

    lane: str
    event: InboundEvent
    content: str
    claim: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """`turn` is set when the lane was claimed and its turn can run at once."""

    new: bool
    turn: Turn | None = None


@dataclass(frozen=True, slots=True)
class Record(Operation[Turn]):
    """Write an answer down: the changes it makes, and the parts to send."""

    turn: Turn
    changes: Sequence[Change]
    parts: Sequence[Part]
    failure: str
    again: bool = False
    """Whether it was tried before and may have been done."""

    def repeated(self) -> Self:
        """Return it as one that may have been done."""
        return replace(self, again=True)

    @property
    def lane(self) -> str:
        """Return the turn's lane."""
        return self.turn.lane


@dataclass(frozen=True, slots=True)
class MarkSent(Operation[None]):
    """Note that one part, not the last, has left."""

    turn: Turn
    part: OutgoingPart
    receipt: Receipt

    @property
    def lane(self) -> str:
        """Return the turn's lane."""
        return self.turn.lane


@dataclass(frozen=True, slots=True)
class Close(Operation["Turn | None"]):
    """End a turn; with `go_on`, the lane stays ours and its next turn is the result."""

    turn: Turn
    verdict: Finished
    go_on: bool
    again: bool = False
    """As for `Record`."""

    def repeated(self) -> Self:
        """Return it as one that may have been done."""
        return replace(self, again=True)

    @property
    def lane(self) -> str:
        """Return the turn's lane."""
        return self.turn.lane


@dataclass(frozen=True, slots=True)
class Postpone(Operation[None]):
    """Return a lane back, to be run again later."""

    turn: Turn
    verdict: Postponed

    @property
    def lane(self) -> str:
        """Return the turn's lane."""
        return self.turn.lane


@dataclass(frozen=True, slots=True)
class ReleaseLane(Operation[None]):
    """Return a lane back as it is, for the next start: that its turn was begun does not count."""

    turn: Turn

    @property
    def lane(self) -> str:
        """Return the turn's lane."""
        return self.turn.lane


@dataclass(frozen=True, slots=True)
class Stop(Operation["Stopped"]):
    """Mark the turn at the head of a lane as stopped."""

    lane: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The turn that was to stop, None if there was none, and the worker that runs it, if one does."""

    turn_id: int | None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Requeue(Operation["Requeued"]):
    """Put an ended turn behind its lane's last: `afresh` makes a new answer, else what was not sent is sent."""

    lane: str
    turn_id: int
    afresh: bool


@dataclass(frozen=True, slots=True)
class Requeued:
    """`done` is False for a turn that has not ended, or is not there."""

    done: bool


@dataclass(frozen=True, slots=True)
class Claim(Operation["Claimed"]):
    """Take up to `limit` lanes that are ready.

    `elsewhere` names channels whose answers another process delivers: of theirs only what that process has no room to
    answer, and nothing that is answered.
    """

    limit: int
    elsewhere: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Claimed:
    """The turns to run, and in how many seconds the next lane is due (None: none waits)."""

    turns: Sequence[Turn]
    next_in: float | None


@dataclass(frozen=True, slots=True)
class Probe(Operation[None]):
    """Write what an event's acceptance would write to a lane, and nothing else: whether the database takes it."""

    lane: str = "/readyz"
    """No person's: theirs begin with a channel."""


LaneOperation = Probe | Accept | Record | MarkSent | Close | Postpone | ReleaseLane | Stop | Requeue
AnyOperation = LaneOperation | Claim
"""Every kind of `Operation`."""
