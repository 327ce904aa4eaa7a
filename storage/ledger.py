"""Applies a batch of operations in one transaction: lock the lanes, work it out in memory, write it in bulk.

The number of statements does not grow with the batch. Lanes are locked in the order of their names, so that two
processes never wait for each other in a circle; ready lanes are claimed last and without waiting.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import time
from typing import Any

from sqlalchemy import Executable, Row, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import LaneLost, TryAgain
from pipeline.events import InboundEvent, Person
from pipeline.outcomes import OutgoingPart, Turn
from storage import statements
from storage.changes import Changes
from storage.codec import content_from_json, part_from_json, part_to_json
from storage.engine import Database
from storage.lanes import Lane, LaneState
from storage.operations import (
    Accept,
    Accepted,
    Claim,
    Claimed,
    Close,
    MarkSent,
    Operation,
    Postpone,
    Record,
    Release,
    Requeue,
    Requeued,
    Result,
    Stop,
    Stopped,
)
from storage.tables import inbox, outbox

_FAR_AHEAD = 7200.0
"""No lane waits this long: one that seems to was put off before the clock was set back."""


class Ledger:
    """Applies operations for one worker."""

    def __init__(self, database: Database, owner: str) -> None:
        self.owner = owner
        self._database = database

    async def apply(self, operations: Sequence[Operation]) -> Sequence[Result | Exception]:
        """Give each operation's result, or a `LaneLost`; the whole batch is committed before this returns.

        Raises `TryAgain` when the database cannot be reached.
        """

        async def work(connection: AsyncConnection) -> Sequence[Result | Exception]:
            return await _Batch(connection, self.owner, shared=self._database.shared).apply(operations)

        try:
            return await self._database.transact(work)
        except (IntegrityError, ProgrammingError, DataError, NotSupportedError):
            # A fault of ours: doing the same again would meet it again.
            raise
        except (DBAPIError, OSError, TimeoutError) as error:
            # Drivers have no common word for a server that restarts, is out of disk or has lost us.
            raise TryAgain(f"the database cannot be written: {type(error).__name__}") from error


class _Batch:
    """One transaction."""

    def __init__(self, connection: AsyncConnection, owner: str, *, shared: bool) -> None:
        self._connection = connection
        self._owner = owner
        self._shared = shared
        self._insert = postgresql.insert if shared else sqlite.insert
        self._now = 0.0
        self._lanes: dict[str, Lane] = {}
        self._known: set[str] = set()
        self._states: dict[int, str] = {}
        """How far the turns are whose write is repeated."""
        self._events: list[dict[str, object]] = []
        self._turns: list[dict[str, object]] = []
        self._parts: list[dict[str, object]] = []
        self._sent: list[dict[str, object]] = []
        self._put_off: list[dict[str, object]] = []
        self._given_up: list[dict[str, object]] = []
        self._next: dict[int, str] = {}
        """Where in the results a lane's next turn belongs."""
        self._claimed: dict[int, tuple[str, Accept]] = {}
        self._words: list[str] = []
        """What the other processes are to hear."""

    async def apply(self, operations: Sequence[Operation]) -> Sequence[Result | Exception]:
        self._now = await self._clock()
        await self._lock({operation.lane for operation in operations if not isinstance(operation, Claim)})
        self._known = await self._have(
            [operation.event.key for operation in operations if isinstance(operation, Accept)]
        )
        self._states = await self._states_of(
            [operation.turn.id for operation in operations if isinstance(operation, Record | Close) and operation.again]
        )
        changes = Changes(self._connection, self._insert, self._now)
        results: list[Result | Exception] = [
            await self._one(place, operation, changes) for place, operation in enumerate(operations)
        ]
        ids = await self._write(changes)
        for place, (key, accept) in self._claimed.items():
            turn = Turn(ids[key], accept.lane, self._lanes[accept.lane].epoch, accept.event, self._now)
            results[place] = Accepted(new=True, turn=turn)
        for place, operation in enumerate(operations):
            if isinstance(operation, Claim):
                results[place] = await self._claim(operation)
        if self._next:
            turns = await self._load([self._lanes[name] for name in self._next.values()])
            for place, name in self._next.items():
                results[place] = turns.get(name)
        await self._notify()
        return results

    async def _clock(self) -> float:
        # Several machines share one clock: the database's.
        if not self._shared:
            return time()
        return float((await self._connection.execute(statements.CLOCK)).scalar_one())

    async def _lock(self, names: set[str]) -> None:
        if not names:
            return
        wanted = {"rows": [{"lane": name} for name in names]}
        if self._shared:
            rows: Iterable[Sequence[Any]] = await self._connection.execute(statements.LOCK_LANES, wanted)
        else:
            self._lanes = {name: Lane(name) for name in names}
            rows = (await self._connection.execute(statements.READ_LANES, wanted)).scalar_one()
        self._lanes |= {row[0]: _lane(row) for row in rows}

    async def _have(self, keys: list[str]) -> set[str]:
        if not keys:
            return set()
        wanted = {"rows": [{"key": key} for key in keys]}
        return set((await self._connection.execute(statements.KNOWN, wanted)).scalars())

    async def _states_of(self, turn_ids: list[int]) -> dict[int, str]:
        if not turn_ids:
            return {}
        rows = await self._connection.execute(select(inbox.c.id, inbox.c.state).where(inbox.c.id.in_(turn_ids)))
        return {row.id: row.state for row in rows}

    async def _one(self, place: int, operation: Operation, changes: Changes) -> Result | Exception:
        if isinstance(operation, (Record, MarkSent, Close, Postpone, Release)):
            turn = operation.turn
            if not self._lanes[turn.lane].held_by(self._owner, turn.epoch):
                return LaneLost(f"turn {turn.id} has been taken over")
        match operation:
            case Accept():
                return self._accept(place, operation)
            case Record():
                return await self._record(operation, changes)
            case MarkSent(turn, part, receipt):
                self._sent.append(statements.sent(turn.id, part.place, receipt.message_id, self._now))
            case Close():
                self._close(place, operation)
            case Postpone():
                self._postpone(operation)
            case Release(turn):
                self._lanes[turn.lane].ready(self._now)
            case Stop(name):
                return await self._stop(name)
            case Requeue():
                return await self._requeue(operation)
            case Claim():
                pass
        return None

    def _accept(self, place: int, operation: Accept) -> Accepted:
        event = operation.event
        if event.key in self._known:
            return Accepted(new=False)
        self._known.add(event.key)
        lane = self._lanes[operation.lane]
        self._events.append(
            {
                "key": event.key,
                "lane": lane.name,
                "n": lane.append(),
                "channel": event.sender.channel,
                "user": event.sender.user,
                "content": operation.content,
                "sent_at": event.sent_at.timestamp(),
                "accepted_at": self._now,
            }
        )
        if lane.state is LaneState.IDLE:
            if operation.claim:
                lane.claim(self._owner)
                self._claimed[place] = (event.key, operation)
            else:
                lane.ready(self._now)
        return Accepted(new=True)

    async def _record(self, operation: Record, changes: Changes) -> Turn:
        turn = operation.turn
        parts = tuple(OutgoingPart(place, part) for place, part in enumerate(operation.parts))
        recorded = replace(turn, parts=parts, failure=operation.failure)
        if self._states.get(turn.id) == "answered":
            return recorded
        self._parts += [
            {
                "turn_id": turn.id,
                "place": outgoing.place,
                "person": str(turn.event.sender),
                "part": part_to_json(outgoing.part),
            }
            for outgoing in parts
        ]
        self._turns.append(statements.turn(turn, "answered", failure=operation.failure))
        for change in operation.changes:
            await changes.make(change, turn)
        return recorded

    def _close(self, place: int, operation: Close) -> None:
        turn, verdict = operation.turn, operation.verdict
        lane = self._lanes[turn.lane]
        if self._states.get(turn.id) == verdict.state:
            # It was closed, and the lane kept, or it would not be ours: it stands at the next turn.
            self._next[place] = lane.name
            return
        if verdict.sent is not None:
            part, receipt = verdict.sent
            self._sent.append(statements.sent(turn.id, part.place, receipt.message_id, self._now))
        if verdict.state in {"undelivered", "stopped"}:
            self._given_up.append({"turn_id": turn.id, "error": verdict.reason or verdict.state})
        self._turns.append(statements.turn(turn, verdict.state, failure=verdict.reason, at=self._now))
        if lane.close(keep=operation.go_on, now=self._now):
            self._next[place] = lane.name

    def _postpone(self, operation: Postpone) -> None:
        turn, verdict = operation.turn, operation.verdict
        if verdict.part is None:
            self._turns.append(
                statements.turn(turn, "waiting", failure=verdict.reason, attempts=turn.attempts + verdict.blamed)
            )
        else:
            self._put_off.append(
                {
                    "turn_id": turn.id,
                    "place": verdict.part.place,
                    "attempts": verdict.part.attempts + verdict.blamed,
                    "error": verdict.reason,
                }
            )
        self._lanes[turn.lane].ready(self._now + verdict.after)

    async def _stop(self, name: str) -> Stopped:
        lane = self._lanes[name]
        if not lane.waiting:
            return Stopped(None)
        found = await self._connection.execute(statements.STOP, {"b_lane": name, "b_n": lane.head + 1})
        turn_id = found.scalar_one_or_none()
        if lane.state is not LaneState.OWNED:
            lane.ready(self._now)
            return Stopped(turn_id)
        if lane.owner != self._owner:
            self._words.append(f"stop:{turn_id}")
        return Stopped(turn_id, owner=lane.owner)

    async def _requeue(self, operation: Requeue) -> Requeued:
        lane = self._lanes[operation.lane]
        moved = await self._connection.execute(
            statements.REQUEUE,
            {
                "b_id": operation.turn_id,
                "n": lane.tail + 1,
                "state": "waiting" if operation.afresh else "answered",
            },
        )
        if moved.scalar_one_or_none() is None:
            return Requeued(done=False)
        lane.append()
        await self._connection.execute(
            statements.FORGET_PARTS if operation.afresh else statements.RESEND_PARTS, {"b_turn_id": operation.turn_id}
        )
        if lane.state is LaneState.IDLE:
            lane.ready(self._now)
        return Requeued(done=True)

    async def _write(self, changes: Changes) -> dict[str, int]:
        await self._write_rows(statements.INSERT_EVENTS, self._events)
        await changes.write()
        for statement, rows in (
            (statements.INSERT_PARTS, self._parts),
            (statements.MARK_SENT, self._sent),
            (statements.PUT_OFF, self._put_off),
            (statements.GIVE_UP, self._given_up),
            (statements.UPDATE_TURNS, self._turns),
        ):
            await self._write_rows(statement, rows)
        await self._write_lanes([lane for lane in self._lanes.values() if lane.changed])
        if not self._claimed:
            return {}
        claimed = {"rows": [{"key": key} for key, _ in self._claimed.values()]}
        return dict((await self._connection.execute(statements.TURN_IDS, claimed)).scalar_one())

    async def _write_rows(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> None:
        if rows:
            await self._connection.execute(statement, {"rows": rows})

    async def _write_lanes(self, changed: Sequence[Lane]) -> None:
        statement = statements.UPDATE_LANES if self._shared else statements.PUT_LANES
        await self._write_rows(statement, [statements.lane(lane) for lane in changed])

    async def _claim(self, operation: Claim) -> Claimed:
        rows = await self._connection.execute(
            statements.CLAIMABLE, {"now": self._now, "far": self._now + _FAR_AHEAD, "most": operation.limit}
        )
        claimed = [_lane(row) for row in rows]
        for lane in claimed:
            lane.claim(self._owner)
        turns = await self._load(claimed)
        for lane in claimed:
            if lane.name not in turns:
                lane.head, lane.state = lane.tail, LaneState.IDLE
        await self._write_lanes(claimed)
        next_at = (await self._connection.execute(statements.NEXT_READY)).scalar()
        return Claimed(list(turns.values()), None if next_at is None else max(0.0, next_at - self._now))

    async def _load(self, wanted: Sequence[Lane]) -> dict[str, Turn]:
        """Read the first turn of each lane, by its full key: no scan of what waits behind it."""
        if not wanted:
            return {}
        places = [(lane.name, lane.head + 1) for lane in wanted]
        rows = (await self._connection.execute(select(inbox).where(tuple_(inbox.c.lane, inbox.c.n).in_(places)))).all()
        parts = await self._parts_of([row.id for row in rows if row.state == "answered"])
        epochs = {lane.name: lane.epoch for lane in wanted}
        return {row.lane: _turn(row, epochs[row.lane], parts.get(row.id)) for row in rows}

    async def _parts_of(self, turn_ids: list[int]) -> dict[int, tuple[OutgoingPart, ...]]:
        if not turn_ids:
            return {}
        rows = await self._connection.execute(
            select(outbox)
            .where(outbox.c.turn_id.in_(turn_ids), outbox.c.state == "waiting")
            .order_by(outbox.c.turn_id, outbox.c.place)
        )
        parts: dict[int, tuple[OutgoingPart, ...]] = dict.fromkeys(turn_ids, ())
        for row in rows:
            parts[row.turn_id] += (OutgoingPart(row.place, part_from_json(row.part), row.attempts),)
        return parts

    async def _notify(self) -> None:
        if not self._shared:
            return
        if any(lane.state is LaneState.READY and lane.changed for lane in self._lanes.values()):
            self._words.append("ready")
        for word in self._words:
            await self._connection.execute(statements.NOTIFY, {"word": word})


def _lane(row: Sequence[Any]) -> Lane:
    name, state, *rest = row
    return Lane(name, LaneState(state), *rest)


def _turn(row: Row[Any], epoch: int, parts: tuple[OutgoingPart, ...] | None) -> Turn:
    sent_at = datetime.fromtimestamp(row.sent_at, UTC)
    event = InboundEvent(row.key, Person(row.channel, row.user), content_from_json(row.content), sent_at)
    return Turn(row.id, row.lane, epoch, event, row.accepted_at, row.attempts, parts, row.failure, row.stopped)
