"""What the queue holds of a turn: the event, the parts still to be sent, and how a run of it ended."""

from dataclasses import dataclass
from typing import Literal

from pipeline.answer import FailedUsage
from pipeline.events import Content, InboundEvent
from pipeline.replies import Part, Receipt
from pipeline.text.i18n import Sentence

STOPPED = "stopped"
"""The message of the cancellation by which a person's `@stop` ends a turn."""


@dataclass(frozen=True, slots=True)
class OutgoingPart:
    """A part as the outbox holds it: its place in the answer, from 0, and how often sending it has failed."""

    index: int
    part: Part
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """An accepted event on its way to a delivered reply.

    `epoch` fences our writes: it is the lane's when we claimed it. `parts` is None until the answer is
    recorded, then what is still to be sent. `failure` is set when the answer is an apology. `accepted_at` in
    seconds since 1970. `attempts` is how often the turn was begun before, whatever ended that; what was given back
    in good order does not count. `unreadable` says what cannot be read of its rows; its content is empty then.
    """

    id: int
    lane: str
    epoch: int
    event: InboundEvent
    accepted_at: float
    attempts: int = 0
    parts: tuple[OutgoingPart, ...] | None = None
    failure: str = ""
    stopped: bool = False
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A message that waits behind the turn that runs; `accepted_at` in seconds since 1970."""

    turn_id: int
    event: InboundEvent
    accepted_at: float


@dataclass(frozen=True, slots=True)
class JoinedMessage:
    """What a message that waits says from now on: another's words, and its own."""

    turn_id: int
    content: Content


@dataclass(frozen=True, slots=True)
class Finished:
    """The turn is over; `sent` is the last part with its receipt, recorded in the same stroke.

    `joined` is the message that is answered in its place, changed in that stroke, too. `held` is whether what was not
    sent is sent before the answer to the chat's next message.
    """

    state: Literal["done", "failed", "stopped", "undelivered"]
    sent: tuple[OutgoingPart, Receipt] | None = None
    reason: str = ""
    joined: JoinedMessage | None = None
    held: bool = False

    @property
    def may_run_again(self) -> bool:
        """Whether running the turn once more asks and sends nothing twice."""
        return self.sent is None and self.state in {"done", "stopped"}


@dataclass(frozen=True, slots=True)
class Postponed:
    """The turn goes on in `after` seconds; `blamed` is whether this counts against its attempts.

    `wasted` is what models took for an answer that is lost.
    """

    after: float
    reason: str
    part: OutgoingPart | None = None
    blamed: bool = True
    wasted: tuple[FailedUsage, ...] = ()


Verdict = Finished | Postponed

UNSETTLED = Postponed(1.0, Sentence("reason.unsettled"), blamed=False)
"""What becomes of a turn that is over, but for a bubble that another process, or the next connection, can end."""

_LONGEST_PAUSE = 300.0


def pause_after(attempts: int) -> float:
    """Return the seconds to wait after so many failures: 1, 2, 4 … up to five minutes."""
    return min(_LONGEST_PAUSE, 2.0 ** min(attempts, 10))
