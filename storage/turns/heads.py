"""The first turn of each of some lanes: read, counted as begun, and set aside where it cannot be read.

A turn is counted before it runs and in the transaction that claims it, so that one which kills the process is not
begun for ever.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import structlog
from sqlalchemy import Connection, Row, bindparam, case, func, select, tuple_, update

from pipeline.events import InboundEvent, Person, Text
from pipeline.lanes import group_in
from pipeline.text.i18n import Sentence
from pipeline.turn_state import (
    OutgoingPart,
    Turn,
    WaitingMessage,
)
from storage.database.codec import content_from_json, part_from_json
from storage.database.engine import Database
from storage.database.tables import inbox, outbox
from storage.turns.lanes import Lane, LaneState

log = structlog.get_logger()

_MOST_SKIPPED = 20
"""Rows set aside in one transaction; a lane with more goes on in the next."""
_MOST_COUNTED = 10**6
"""Attempts; a row that says more is counted no further, for the column ends somewhere."""

_SET_ASIDE = (
    update(inbox)
    .where(inbox.c.lane == bindparam("b_lane"), inbox.c.n == bindparam("b_n"))
    .values(state="failed", failure=bindparam("why"), ended_at=bindparam("at"))
    .returning(inbox.c.id)
)
_NEXT = select(func.min(inbox.c.n)).where(
    inbox.c.lane == bindparam("b_lane"), inbox.c.n > bindparam("b_n"), inbox.c.ended_at.is_(None)
)
_ONE_MORE = case((inbox.c.attempts < _MOST_COUNTED, inbox.c.attempts + 1), else_=inbox.c.attempts)


class UndecodableTurn(Exception):
    """A row that holds what this webot cannot read; says which column, and never what is in it."""


class NextMessages:
    """Reads the messages that wait behind turns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def next_message(self, turn: Turn) -> WaitingMessage | None:
        """Implement `pipeline.steps.gathering.WaitingMessages`."""
        own = select(inbox.c.n + 1).where(inbox.c.id == turn.id).scalar_subquery()
        following = select(inbox).where(inbox.c.lane == turn.lane, inbox.c.n == own, inbox.c.state == "waiting")
        async with self._database.read() as connection:
            row = (await connection.execute(following)).one_or_none()
        if row is None or row.stopped:
            return None
        try:
            event = _event(row, Person(row.channel, row.user))
        except UndecodableTurn:
            return None
        return WaitingMessage(row.id, event, row.accepted_at)


class Heads:
    """Begins the first turns of lanes, in one transaction."""

    def __init__(self, connection: Connection, now: float) -> None:
        self._connection = connection
        self._now = now
        self.moved: list[Lane] = []
        """Lanes that turned out to be empty, or to begin with a row that was set aside."""

    def begin(self, wanted: Sequence[Lane]) -> dict[str, Turn]:
        """Return the first turn of each lane, counted as begun; a lane without a readable one is given up or idle."""
        turns: dict[str, Turn] = {}
        rest = list(wanted)
        for _ in range(_MOST_SKIPPED):
            if not rest:
                return turns
            found = self._rows(rest)
            parts = self._parts_of([row.id for row in found.values() if row.state == "answered"])
            left = []
            for lane in rest:
                if lane.name not in found:
                    left += [lane] if self._skip_gap(lane) else []
                    continue
                try:
                    turns[lane.name] = _turn(found[lane.name], lane.epoch, parts)
                except UndecodableTurn as error:
                    left += [lane] if self._set_aside(lane, str(error)) else []
            rest = left
        for lane in rest:
            lane.ready(self._now)
        return turns

    def _rows(self, lanes: Sequence[Lane]) -> Mapping[str, Row[Any]]:
        """Count and read by the full key: no scan of what waits behind it."""
        begin = (
            update(inbox)
            .where(
                tuple_(inbox.c.lane, inbox.c.n).in_([(lane.name, lane.head + 1) for lane in lanes]),
                # A lane whose head was set back does not answer again what was answered.
                inbox.c.ended_at.is_(None),
            )
            .values(attempts=_ONE_MORE)
            .returning(*inbox.c)
        )
        return {row.lane: row for row in self._connection.execute(begin)}

    def _parts_of(self, turn_ids: Sequence[int]) -> Mapping[int, Sequence[Row[Any]]]:
        parts: dict[int, list[Row[Any]]] = {turn_id: [] for turn_id in turn_ids}
        if turn_ids:
            waiting = (
                select(outbox)
                .where(outbox.c.turn_id.in_(turn_ids), outbox.c.state == "waiting")
                .order_by(outbox.c.turn_id, outbox.c.place)
            )
            for row in self._connection.execute(waiting):
                parts[row.turn_id].append(row)
        return parts

    def _set_aside(self, lane: Lane, why: str) -> bool:
        values = {"b_lane": lane.name, "b_n": lane.head + 1, "why": why, "at": self._now}
        turn_id = (self._connection.execute(_SET_ASIDE, values)).scalar_one_or_none()
        # There is nobody we could tell: the row does not say who wrote.
        log.error("turn_set_aside", trace=str(turn_id), reason=why, apology="not sent: the row names no person")
        return self._move(lane, lane.head + 1)

    def _skip_gap(self, lane: Lane) -> bool:
        values = {"b_lane": lane.name, "b_n": lane.head}
        n = (self._connection.execute(_NEXT, values)).scalar_one_or_none()
        return self._move(lane, lane.tail if n is None else n - 1)

    def _move(self, lane: Lane, head: int) -> bool:
        """Move a lane's head; False if nothing waits behind it."""
        lane.head, lane.changed = head, True
        if lane not in self.moved:
            self.moved.append(lane)
        if lane.waiting <= 0:
            lane.head, lane.state = lane.tail, LaneState.IDLE
            return False
        return True


def _turn(row: Row[Any], epoch: int, parts: Mapping[int, Sequence[Row[Any]]]) -> Turn:
    """Read a turn; what cannot be read of it is said in it, so that its sender can be told.

    Raises `UndecodableTurn` where not even the sender can be read.
    """
    who = (row.key, row.channel, row.user)
    if not all(isinstance(each, str) for each in who):
        raise UndecodableTurn(Sentence("reason.row_no_person"))
    sender = Person(row.channel, row.user)
    attempts = row.attempts - 1 if isinstance(row.attempts, int) and row.attempts > 0 else 0
    try:
        event = _event(row, sender)
        outgoing = _outgoing(parts[row.id]) if row.state == "answered" else None
    except UndecodableTurn as error:
        empty = InboundEvent(
            row.key, sender, Text(""), datetime.fromtimestamp(0, UTC), group=group_in(str(row.lane), sender)
        )
        return Turn(row.id, row.lane, epoch, empty, 0.0, attempts, stopped=bool(row.stopped), unreadable=str(error))
    return Turn(row.id, row.lane, epoch, event, row.accepted_at, attempts, outgoing, row.failure, bool(row.stopped))


def _event(row: Row[Any], sender: Person) -> InboundEvent:
    for name in ("sent_at", "accepted_at"):
        if not isinstance(getattr(row, name), (int, float)):
            raise UndecodableTurn(Sentence("reason.row_bad", column=name))
    if not isfinite(row.accepted_at):
        raise UndecodableTurn(Sentence("reason.row_bad", column="accepted_at"))
    if not isinstance(row.attempts, int):
        raise UndecodableTurn(Sentence("reason.row_bad", column="attempts"))
    if not isinstance(row.failure, str):
        raise UndecodableTurn(Sentence("reason.row_bad", column="failure"))
    try:
        sent_at = datetime.fromtimestamp(row.sent_at, UTC)
    except (ValueError, OverflowError, OSError):
        raise UndecodableTurn(Sentence("reason.row_bad", column="sent_at")) from None
    try:
        return InboundEvent(
            row.key,
            sender,
            content_from_json(row.content),
            sent_at,
            group=group_in(row.lane, sender),
            reply_id=row.reply_id if isinstance(row.reply_id, str) else "",
        )
    except Exception as error:  # noqa: BLE001 -- whatever reading a row raises, the row is to blame
        raise UndecodableTurn(Sentence("reason.row_content", kind=type(error).__name__)) from None


def _outgoing(rows: Sequence[Row[Any]]) -> tuple[OutgoingPart, ...]:
    outgoing = []
    for row in rows:
        try:
            outgoing.append(OutgoingPart(int(row.place), part_from_json(row.part), int(row.attempts)))
        except Exception as error:  # noqa: BLE001 -- as above
            raise UndecodableTurn(Sentence("reason.row_part", place=row.place, kind=type(error).__name__)) from None
    return tuple(outgoing)
