"""The ledger's statements, built once so that their compiled form is reused, and the values they take.

Those made by `rows_parameter`, `insert_rows` and `update_rows` take as many rows as there are, in one parameter.
"""

from sqlalchemy import bindparam, func, or_, select, text, true, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.turn_state import Turn
from storage.database.bulk import JsonRows, insert_rows, rows_parameter, update_rows
from storage.database.tables import inbox, lanes, outbox
from storage.turns.lanes import Lane, LaneState

_LANE = tuple(lanes.c.keys())

READ_LANES = select(JsonRows(*lanes.c)).where(lanes.c.lane.in_(select(rows_parameter(lanes, "lane"))))
"""For SQLite, where nobody else writes: a lane that is not there yet is made by writing it."""

_locked = postgresql.insert(lanes).from_select(
    ["lane"], select(wanted := rows_parameter(lanes, "lane")).order_by(wanted.c.lane), include_defaults=True
)
# Setting the name to itself locks a row that is there already, and gives it back.
LOCK_LANES = _locked.on_conflict_do_update(index_elements=["lane"], set_={"lane": _locked.excluded.lane}).returning(
    *lanes.c
)
"""For PostgreSQL, where others write too: a lane that is not there yet is made, so that it can be locked."""

_kept = sqlite.insert(lanes).from_select(_LANE, select(rows_parameter(lanes, *_LANE)).where(true()))
PUT_LANES = _kept.on_conflict_do_update(
    index_elements=["lane"], set_={name: _kept.excluded[name] for name in _LANE[1:]}
)
"""For SQLite."""

UPDATE_LANES = update_rows(lanes, ("lane",), *_LANE[1:])
"""For PostgreSQL."""

KNOWN = select(inbox.c.key).where(inbox.c.key.in_(select(rows_parameter(inbox, "key"))))

INSERT_EVENTS = insert_rows(
    inbox, "key", "lane", "n", "channel", "user", "content", "sent_at", "accepted_at", "attempts"
)

TURN_IDS = select(JsonRows(inbox.c.key, inbox.c.id)).where(inbox.c.key.in_(select(rows_parameter(inbox, "key"))))

INSERT_PARTS = insert_rows(outbox, "turn_id", "place", "person", "part")


UPDATE_TURNS = update_rows(inbox, ("id",), "state", "failure", "attempts", "ended_at")

NOTE_FAILURES = update_rows(inbox, ("id",), "failure").where(inbox.c.state == "waiting")

UNCOUNT = update_rows(inbox, ("id",)).values(attempts=inbox.c.attempts - 1).where(inbox.c.attempts > 0)

MARK_SENT = update_rows(outbox, ("turn_id", "place"), "message_id", "sent_at").values(state="sent", error="")

PUT_OFF = update_rows(outbox, ("turn_id", "place"), "attempts", "error")

GIVE_UP = update_rows(outbox, ("turn_id",), "error").where(outbox.c.state == "waiting").values(state="failed")

STOP = (
    update(inbox)
    .where(inbox.c.lane == bindparam("b_lane"), inbox.c.n == bindparam("b_n"))
    .values(stopped=True)
    .returning(inbox.c.id)
)

REQUEUE = (
    update(inbox)
    # Of two who ask at once the second finds it waiting: moved twice, it would leave a gap in its lane.
    .where(inbox.c.id == bindparam("b_id"), inbox.c.ended_at.is_not(None))
    .values(n=bindparam("n"), state=bindparam("state"), attempts=0, failure="", stopped=False, ended_at=None)
    .returning(inbox.c.id)
)

FORGET_PARTS = outbox.delete().where(outbox.c.turn_id == bindparam("b_turn_id"))

RESEND_PARTS = (
    update(outbox)
    .where(outbox.c.turn_id == bindparam("b_turn_id"), outbox.c.state == "failed")
    .values(state="waiting", attempts=0, error="")
)

CLAIMABLE = (
    select(lanes)
    .where(
        lanes.c.state == int(LaneState.READY),
        or_(lanes.c.run_at <= bindparam("now"), lanes.c.run_at > bindparam("far")),
    )
    .order_by(lanes.c.run_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)

NEXT_READY = select(func.min(lanes.c.run_at)).where(lanes.c.state == int(LaneState.READY))

NOTIFY = text("SELECT pg_notify('webot', :word)")


def turn(of: Turn, state: str, *, attempts: int, failure: str = "", at: float | None = None) -> dict[str, object]:
    """Return `UPDATE_TURNS` its values; `at` is when the turn ended."""
    return {"id": of.id, "state": state, "failure": failure, "attempts": attempts, "ended_at": at}


def lane(of: Lane) -> dict[str, object]:
    """Return `PUT_LANES` and `UPDATE_LANES` their values."""
    return {
        "lane": of.name,
        "state": int(of.state),
        "owner": of.owner,
        "epoch": of.epoch,
        "head": of.head,
        "tail": of.tail,
        "run_at": of.run_at,
    }


def sent(turn_id: int, place: int, message_id: str, at: float) -> dict[str, object]:
    """Return `MARK_SENT` its values."""
    return {"turn_id": turn_id, "place": place, "message_id": message_id, "sent_at": at}
