"""One transaction of the ledger: lock the lanes, work everything out in memory, write it in bulk.

The number of statements does not grow with the operations. Lanes are locked in the order of their names, so that two
processes never wait for each other in a circle; ready lanes are claimed last and without waiting.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from secrets import token_hex
from time import time

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.errors import LaneLost
from pipeline.events import MESSAGES
from pipeline.lanes import URGENT
from pipeline.replies import Receipt
from pipeline.text.i18n import Sentence
from pipeline.turn_state import OutgoingPart, Turn
from storage.conversations.changes import Changes
from storage.conversations.values import storable_name, storable_reason
from storage.database.bulk import Rows
from storage.database.codec import content_to_json, part_to_json
from storage.database.engine import CLOCK
from storage.database.tables import inbox
from storage.turns import statements
from storage.turns.heads import Heads
from storage.turns.lanes import Lane, LaneState, read_lane
from storage.turns.operations import (
    Accept,
    Accepted,
    AnyOperation,
    Claim,
    Claimed,
    Close,
    MarkSent,
    Postpone,
    Probe,
    Record,
    ReleaseLane,
    Requeue,
    Requeued,
    Stop,
    Stopped,
)

_FAR_AHEAD = 7200.0
"""No lane waits this long: one that seems to was put off before the clock was set back."""
_LEFT_SECONDS = 2.0
"""For which a turn waits for the process that delivers its channel's answers before another answers it."""
_AFTER_THE_REST = 1000
"""The place of an apology for parts that cannot be read: they stay, to be looked at."""
_MOST_RELEASED = 50
"""Answers that go out before one message's; the rest goes with the one after it."""
_PROBE_BYTES = 32 * 1024
"""Above what an event takes with its indexes."""


class LedgerTransaction:
    """Applies operations for one worker over one connection."""

    def __init__(self, connection: Connection, owner: str, *, shared: bool) -> None:
        self._connection = connection
        self._owner = owner
        self._shared = shared
        self._now = 0.0
        self._changes = Changes(connection, postgresql.insert if shared else sqlite.insert, 0.0)
        self._heads = Heads(connection, 0.0)
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
        self._held: list[dict[str, object]] = []
        self._held_lanes: set[str] = set()
        """Those whose answers are held by this transaction, which it writes at its end."""
        self._released: list[dict[str, object]] = []
        """Turns given back, with the reason if there is one, and whether that they were begun does not count."""
        self._next: dict[int, str] = {}
        """Where in the results a lane's next turn belongs."""
        self._claimed: dict[int, tuple[str, Accept]] = {}
        self._words: list[str] = []
        """What the other processes are to hear."""

    def apply(self, operations: Sequence[AnyOperation]) -> Sequence[object]:
        """Return each operation's result, or a `LaneLost`; the caller commits."""
        self._lock({operation.lane for operation in operations if not isinstance(operation, Claim)})
        self._known = self._have([operation.event.key for operation in operations if isinstance(operation, Accept)])
        self._states = self._states_of(
            [operation.turn.id for operation in operations if isinstance(operation, Record | Close) and operation.again]
        )
        insert = postgresql.insert if self._shared else sqlite.insert
        self._changes = Changes(self._connection, insert, self._now)
        self._heads = Heads(self._connection, self._now)
        results: list[object] = [self._one(place, operation) for place, operation in enumerate(operations)]
        ids = self._write()
        for place, (key, accept) in self._claimed.items():
            turn = Turn(ids[key], accept.lane, self._lanes[accept.lane].epoch, accept.event, self._now)
            results[place] = Accepted(new=True, turn=turn)
        for place, operation in enumerate(operations):
            if isinstance(operation, Claim):
                results[place] = self._claim(operation)
        if self._next:
            turns = self._heads.begin([self._lanes[name] for name in self._next.values()])
            self._write_lanes(self._heads.moved)
            for place, name in self._next.items():
                results[place] = turns.get(name)
        self._notify()
        return results

    def _lock(self, names: set[str]) -> None:
        """Lock and read lanes, and look at the clock."""
        wanted = {"rows": [{"lane": name} for name in names]}
        if not self._shared:
            self._now = time()
            self._lanes = {name: Lane(name) for name in names}
            rows = self._connection.execute(statements.READ_LANES, wanted).scalar_one() if names else []
            self._lanes |= {row[0]: read_lane(row) for row in rows}
            return
        # Several machines share one clock: the database's.
        if not names:
            self._now = float(self._connection.execute(CLOCK).scalar_one())
            return
        locked = self._connection.execute(statements.LOCK_LANES, wanted).all()
        self._now = float(locked[-1][-1])
        self._lanes = {row[0]: read_lane(row[:-1]) for row in locked}

    def _have(self, keys: list[str]) -> set[str]:
        if not keys:
            return set()
        wanted = {"rows": [{"key": key} for key in keys]}
        return set((self._connection.execute(statements.KNOWN, wanted)).scalars())

    def _states_of(self, turn_ids: list[int]) -> dict[int, str]:
        if not turn_ids:
            return {}
        rows = self._connection.execute(select(inbox.c.id, inbox.c.state).where(inbox.c.id.in_(turn_ids)))
        return {row.id: row.state for row in rows}

    def _one(self, place: int, operation: AnyOperation) -> object:
        if isinstance(operation, (Record, MarkSent, Close, Postpone, ReleaseLane)):
            turn = operation.turn
            if not self._lanes[turn.lane].held_by(self._owner, turn.epoch):
                return LaneLost(Sentence("reason.lane_lost", turn=turn.id))
        match operation:
            case Accept():
                return self._accept(place, operation)
            case Record():
                return self._record(operation)
            case MarkSent(turn, part, receipt):
                self._note_sent(turn, part, receipt)
            case Close():
                self._close(place, operation)
            case Postpone():
                self._postpone(operation)
            case ReleaseLane(turn):
                self._released.append({"id": turn.id, "failure": None, "attempts": 1})
                self._lanes[turn.lane].ready(self._now)
            case Probe(name):
                self._probe(self._lanes[name])
            case Stop(name):
                return self._stop(name)
            case Requeue():
                return self._requeue(operation)
            case Claim():
                pass
        return None

    def _accept(self, place: int, operation: Accept) -> Accepted:
        event = operation.event
        if event.key in self._known:
            return Accepted(new=False)
        self._known.add(event.key)
        lane = self._lanes[operation.lane]
        if lane.held and isinstance(event.content, MESSAGES):
            self._release_held(lane)
        begins = operation.claim and lane.state is LaneState.IDLE
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
                "attempts": int(begins),
                "reply_id": storable_name(event.reply_id),
            }
        )
        if begins:
            lane.claim(self._owner)
            self._claimed[place] = (event.key, operation)
        elif lane.state is LaneState.IDLE:
            lane.ready(self._now)
        return Accepted(new=True)

    def _record(self, operation: Record) -> Turn:
        turn = operation.turn
        first = _AFTER_THE_REST if turn.unreadable else 0
        parts = tuple(OutgoingPart(place, part) for place, part in enumerate(operation.parts, first))
        recorded = replace(turn, parts=parts, failure=operation.failure)
        if self._states.get(turn.id) == "answered":
            return recorded
        if turn.unreadable:
            given_up = [{"turn_id": turn.id, "error": storable_reason(turn.unreadable)}]
            self._connection.execute(statements.GIVE_UP, {"rows": given_up})
        self._parts += [
            {
                "turn_id": turn.id,
                "place": outgoing.index,
                "person": str(turn.event.chat),
                "part": part_to_json(outgoing.part),
            }
            for outgoing in parts
        ]
        failure = storable_reason(operation.failure)
        # Sending what is recorded is begun here for the first time.
        self._turns.append(statements.turn(turn, "answered", failure=failure, attempts=1))
        for change in operation.changes:
            self._changes.make(change, turn)
        return recorded

    def _note_sent(self, turn: Turn, part: OutgoingPart, receipt: Receipt) -> None:
        message_id, remark = storable_name(receipt.message_id), storable_reason(receipt.remark)
        self._sent.append(statements.sent(turn.id, part.index, message_id, self._now, remark=remark))

    def _close(self, place: int, operation: Close) -> None:
        turn, verdict = operation.turn, operation.verdict
        lane = self._lanes[turn.lane]
        if self._states.get(turn.id) == verdict.state:
            # It was closed, and the lane kept, or it would not be ours: it stands at the next turn.
            self._next[place] = lane.name
            return
        if verdict.joined is not None:
            content = content_to_json(verdict.joined.content)
            # At once: what the lane's next turn says is read in this transaction.
            self._connection.execute(
                statements.JOIN, {"b_id": verdict.joined.turn_id, "b_lane": lane.name, "content": content}
            )
        if verdict.sent is not None:
            self._note_sent(turn, *verdict.sent)
        reason = storable_reason(verdict.reason)
        # A word out of order, such as that something was stopped, is worth nothing later.
        if verdict.held and not lane.name.endswith(URGENT):
            self._held.append({"turn_id": turn.id, "error": reason})
            self._held_lanes.add(lane.name)
            lane.held = True
        elif verdict.state in {"undelivered", "stopped"}:
            self._given_up.append({"turn_id": turn.id, "error": reason or verdict.state})
        self._turns.append(
            statements.turn(turn, verdict.state, failure=reason, attempts=turn.attempts + 1, at=self._now)
        )
        if lane.close(keep=operation.go_on, now=self._now):
            self._next[place] = lane.name

    def _postpone(self, operation: Postpone) -> None:
        turn, verdict = operation.turn, operation.verdict
        reason = storable_reason(verdict.reason)
        if verdict.part is not None:
            self._put_off.append(
                {
                    "turn_id": turn.id,
                    "place": verdict.part.index,
                    "attempts": verdict.part.attempts + verdict.blamed,
                    "error": reason,
                }
            )
        self._released.append(
            {
                "id": turn.id,
                "failure": None if verdict.part is not None else reason,
                "attempts": int(verdict.part is not None or not verdict.blamed),
            }
        )
        for wasted in verdict.wasted:
            self._changes.make(wasted, turn)
        self._lanes[turn.lane].ready(self._now + verdict.after)

    def _probe(self, lane: Lane) -> None:
        """Write though nothing changes: what takes this takes an event, too."""
        lane.changed = True
        if not self._shared:
            # SQLite's log on a full disk has room for a page or two where it has none for an event.
            lane.owner = token_hex(_PROBE_BYTES // 2)
            return
        # PostgreSQL finds room for a row in its pages and its log long after the disk is full; for a file it does not.
        for statement in statements.TRY_DISK:
            self._connection.execute(statement)

    def _stop(self, name: str) -> Stopped:
        lane = self._lanes[name]
        if not lane.waiting:
            return Stopped(None)
        found = self._connection.execute(statements.STOP, {"b_lane": name, "b_n": lane.head + 1})
        turn_id = found.scalar_one_or_none()
        if lane.state is not LaneState.OWNED:
            lane.ready(self._now)
            return Stopped(turn_id)
        if lane.owner != self._owner:
            self._words.append(f"stop:{turn_id}")
        return Stopped(turn_id, owner=lane.owner)

    def _requeue(self, operation: Requeue) -> Requeued:
        lane = self._lanes[operation.lane]
        if not self._put_last(lane, operation.turn_id, "waiting" if operation.afresh else "answered"):
            return Requeued(done=False)
        self._connection.execute(
            statements.FORGET_PARTS if operation.afresh else statements.RESEND_PARTS, {"b_turn_id": operation.turn_id}
        )
        return Requeued(done=True)

    def _release_held(self, lane: Lane) -> None:
        """Release what could not be sent, so that it goes out before the answer to the message that comes now."""
        held = self._connection.execute(statements.HELD, {"b_lane": lane.name, "most": _MOST_RELEASED}).scalars().all()
        for turn_id in held:
            if self._put_last(lane, turn_id, "answered"):
                self._connection.execute(statements.RELEASE_PARTS, {"b_turn_id": turn_id})
        lane.held, lane.changed = len(held) == _MOST_RELEASED or lane.name in self._held_lanes, True

    def _put_last(self, lane: Lane, turn_id: int, state: str) -> bool:
        """Put an ended turn behind its lane's last; False for one that has not ended."""
        values = {"b_id": turn_id, "n": lane.tail + 1, "state": state}
        if self._connection.execute(statements.REQUEUE, values).scalar_one_or_none() is None:
            return False
        lane.append()
        if lane.state is LaneState.IDLE:
            lane.ready(self._now)
        return True

    def _write(self) -> dict[str, int]:
        """Write what was worked out; return the ids of new turns that are claimed, by their keys."""
        rows = {
            "events": self._events,
            **self._changes.rows(),
            "parts": self._parts,
            "sent": self._sent,
            "put_off": self._put_off,
            "turns": self._turns,
            "released": self._released,
            "lanes": [statements.lane(lane) for lane in self._lanes.values() if lane.changed],
        }
        self._execute(rows)
        self._changes.index()
        if self._given_up:
            self._connection.execute(statements.GIVE_UP, {"rows": self._given_up})
        if self._held:
            self._connection.execute(statements.HOLD, {"rows": self._held})
        if not self._claimed:
            return {}
        claimed = {"rows": [{"key": key} for key, _ in self._claimed.values()]}
        return dict(self._connection.execute(statements.TURN_IDS, claimed).scalar_one())

    def _execute(self, rows: Mapping[str, Rows]) -> None:
        statements.turn_writes(shared=self._shared).execute(self._connection, rows, shared=self._shared)

    def _write_lanes(self, changed: Sequence[Lane]) -> None:
        self._execute({"lanes": [statements.lane(lane) for lane in changed]})

    def _claim(self, operation: Claim) -> Claimed:
        wanted: dict[str, object] = {"now": self._now, "far": self._now + _FAR_AHEAD, "most": operation.limit}
        claimable, next_ready, here = statements.CLAIMABLE, statements.NEXT_READY, {}
        if operation.elsewhere:
            claimable, next_ready = statements.CLAIMABLE_HERE, statements.NEXT_READY_HERE
            here = {"elsewhere": sorted(operation.elsewhere)}
            wanted |= here | {"left_since": self._now - _LEFT_SECONDS}
        rows = self._connection.execute(claimable, wanted)
        claimed = [read_lane(row) for row in rows]
        for lane in claimed:
            lane.claim(self._owner)
        turns = self._heads.begin(claimed)
        self._write_lanes(claimed)
        next_at = (self._connection.execute(next_ready, here)).scalar()
        return Claimed(list(turns.values()), None if next_at is None else max(0.0, next_at - self._now))

    def _notify(self) -> None:
        if not self._shared:
            return
        if any(lane.state is LaneState.READY and lane.changed for lane in self._lanes.values()):
            self._words.append("ready")
        for word in self._words:
            self._connection.execute(statements.NOTIFY, {"word": word})
