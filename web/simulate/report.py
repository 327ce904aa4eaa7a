"""Reckons what became of every message of a simulation. Pure: the same records give the same report.

What answered what is not guessed from the words: each callback's key leads to its turn, and the turn to the ids of
the messages that left for it, which are then looked for on the pretend phones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from adapters.simulator.callback_sender import DeliveryResult
from adapters.simulator.platform.timeline import Delivered, MemberAction
from pipeline.lanes import URGENT
from storage.monitoring.status import TurnStatus


@dataclass(frozen=True, slots=True)
class SentMessage:
    """Something a member did, the key the service knows it by, and how its callback went."""

    action: MemberAction
    key: str
    delivery: DeliveryResult


@dataclass
class MemberRun:
    """One member's part: what was said, in order, and every message that came, by its id."""

    sent: list[SentMessage] = field(default_factory=list)
    received: dict[str, Delivered] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds: what half, 95 and 99 of a hundred stayed within, and the longest."""

    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    max: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """What became of everything said.

    `silent` were done without an answer, on purpose; `apologies` are answers that say that there is none. `lost` is
    every other message without an answer, `duplicated` every message on a phone that nothing said accounts for.
    """

    users: int
    sent: int
    accepted: int
    answered: int
    apologies: int
    silent: int
    lost: int
    duplicated: int
    out_of_order: int
    seconds: float
    accept_ms: Percentiles
    reply_ms: Percentiles
    kind: Literal["report"] = "report"


def build_report(
    played: Sequence[MemberRun],
    found: Mapping[str, TurnStatus],
    *,
    notices: frozenset[str] = frozenset(),
    polled: bool = False,
    seconds: float,
) -> Report:
    """Return the report; `notices` are sentences that come besides the answers.

    Where the platform asks for each answer by itself (`polled`), it decides which it has whole first, and the order of
    answers to different messages says nothing.
    """
    answered = apologies = silent = out_of_order = 0
    replies: list[float] = []
    accounted: set[str] = set()
    latest: dict[str, int] = {}
    for part, everything in _in_order(played, found):
        for one in everything:
            track = found.get(one.key)
            if track is None:
                continue
            accounted.update(track.message_ids)
            shown = [part.received[each] for each in track.message_ids if each in part.received]
            if not shown or len(shown) < len(track.message_ids) or not track.is_over:
                silent += track.is_over and not track.message_ids and track.state == "done"
                continue
            answered += 1
            apologies += bool(track.failure)
            replies.append(shown[0].at - one.action.at)
            # What must not wait in the lane overtakes on purpose.
            if not track.lane.endswith(URGENT):
                numbers = [message.number for message in shown]
                before = latest.get(track.lane, 0)
                out_of_order += (numbers[0] < before and not polled) or numbers != sorted(numbers)
                latest[track.lane] = max(before, *numbers)
    spoken = [one for part in played for one in part.sent]
    return Report(
        users=len(played),
        sent=len(spoken),
        accepted=sum(one.delivery.accepted for one in spoken),
        answered=answered,
        apologies=apologies,
        silent=silent,
        lost=len(spoken) - answered - silent,
        duplicated=sum(
            message.msgid not in accounted and message.text not in notices
            # In a group all see the same message.
            for message in {message.msgid: message for part in played for message in part.received.values()}.values()
        ),
        out_of_order=out_of_order,
        seconds=seconds,
        accept_ms=percentiles([_accepting(one.delivery) for one in spoken if one.delivery.accepted]),
        reply_ms=percentiles(replies),
    )


def _in_order(
    played: Sequence[MemberRun], found: Mapping[str, TurnStatus]
) -> Iterator[tuple[MemberRun, Sequence[SentMessage]]]:
    """Yield what was said: a member's own in the order of speaking, and a group's in the order it was accepted."""
    in_groups: list[tuple[int, MemberRun, SentMessage]] = []
    for part in played:
        yield part, [one for one in part.sent if not one.action.group]
        in_groups += [(found[one.key].turn, part, one) for one in part.sent if one.action.group and one.key in found]
    for _, part, one in sorted(in_groups, key=lambda each: each[0]):
        yield part, [one]


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Return the nearest-rank percentiles of some times, in milliseconds."""
    ordered = sorted(1000 * each for each in seconds)
    if not ordered:
        return Percentiles()

    def rank(percent: int) -> float:
        return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]

    return Percentiles(rank(50), rank(95), rank(99), ordered[-1])


def _accepting(posting: DeliveryResult) -> float:
    """Return the seconds until the first 200."""
    return sum(posting.seconds[: posting.statuses.index(200) + 1])
