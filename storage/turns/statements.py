"""The ledger's statements, built once so that their compiled form is reused, and the values they take.

Those made by `rows_parameter`, `insert_rows` and `update_rows` take as many rows as there are, in one parameter.
"""

from functools import cache

from sqlalchemy import Insert, Update, bindparam, case, exists, false, func, literal, or_, select, text, true, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.turn_state import Turn
from storage.conversations.changes import change_writes
from storage.database.bulk import BulkWrites, JsonRows, insert_rows, rows_parameter, update_rows
from storage.database.engine import NOW
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
    *lanes.c, NOW
)
"""For PostgreSQL, where others write too: a lane that is not there yet is made, so that it can be locked.

Returns a lane and the database's time in each row.
"""

KNOWN = select(inbox.c.key).where(inbox.c.key.in_(select(rows_parameter(inbox, "key"))))

TURN_IDS = select(JsonRows(inbox.c.key, inbox.c.id)).where(inbox.c.key.in_(select(rows_parameter(inbox, "key"))))

JOIN = (
    update(inbox)
    .where(inbox.c.id == bindparam("b_id"), inbox.c.lane == bindparam("b_lane"), inbox.c.state == "waiting")
    .values(content=bindparam("content"))
)

GIVE_UP = update_rows(outbox, ("turn_id",), "error").where(outbox.c.state == "waiting").values(state=literal("failed"))
"""Apart from the other writes: a part that has left in the same transaction is not given up."""

MOST_HOLDS = 3
"""Where each message of a chat finds the same refusal, its later answers must not wait for ever more sends."""

HOLD = (
    update_rows(outbox, ("turn_id",), "error")
    .where(outbox.c.state == "waiting")
    .values(state=case((outbox.c.holds < MOST_HOLDS, "held"), else_="failed"), holds=outbox.c.holds + 1)
)
"""As `GIVE_UP`, for parts that the next message of their chat brings along."""


@cache
def turn_writes(*, shared: bool) -> BulkWrites:
    """Return what a transaction writes at its end, by the name of its rows; `shared` is whether it is PostgreSQL."""
    return BulkWrites(
        {
            "events": insert_rows(
                inbox,
                "key",
                "lane",
                "n",
                "channel",
                "user",
                "content",
                "sent_at",
                "accepted_at",
                "attempts",
                "reply_id",
                rows="events",
            ),
            **change_writes(postgresql.insert if shared else sqlite.insert),
            "parts": insert_rows(outbox, "turn_id", "place", "person", "part", rows="parts"),
            "sent": update_rows(outbox, ("turn_id", "place"), "message_id", "error", "sent_at", rows="sent").values(
                state=literal("sent")
            ),
            "put_off": update_rows(outbox, ("turn_id", "place"), "attempts", "error", rows="put_off"),
            "turns": update_rows(inbox, ("id",), "state", "failure", "attempts", "ended_at", rows="turns"),
            "released": _release(),
            "lanes": update_rows(lanes, ("lane",), *_LANE[1:], rows="lanes") if shared else _put_lanes(),
        }
    )


def _release() -> Update:
    """Return the update of turns that are given back: what their `failure` is now, and what beginnings do not count."""
    given = rows_parameter(inbox, "id", "failure", "attempts", rows="released")
    failure = func.coalesce(given.c.failure, inbox.c.failure)
    return (
        update(inbox)
        .where(inbox.c.id == given.c.id)
        .values(
            failure=case((inbox.c.state == "waiting", failure), else_=inbox.c.failure),
            attempts=case((inbox.c.attempts > 0, inbox.c.attempts - given.c.attempts), else_=inbox.c.attempts),
        )
    )


def _put_lanes() -> Insert:
    """Return SQLite's upsert of lanes: there a lane is made by writing it."""
    put = sqlite.insert(lanes).from_select(_LANE, select(rows_parameter(lanes, *_LANE, rows="lanes")).where(true()))
    return put.on_conflict_do_update(index_elements=["lane"], set_={name: put.excluded[name] for name in _LANE[1:]})


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
    .values(
        n=bindparam("n"), state=bindparam("state"), attempts=0, failure="", stopped=False, ended_at=None, reply_id=""
    )
    .returning(inbox.c.id)
)

HELD = (
    select(inbox.c.id)
    .where(
        inbox.c.lane == bindparam("b_lane"),
        inbox.c.state == "undelivered",
        exists().where(outbox.c.turn_id == inbox.c.id, outbox.c.state == "held"),
    )
    .order_by(inbox.c.n)
    .limit(bindparam("most"))
)

FORGET_PARTS = outbox.delete().where(outbox.c.turn_id == bindparam("b_turn_id"))

RESEND_PARTS = (
    update(outbox)
    .where(outbox.c.turn_id == bindparam("b_turn_id"), outbox.c.state.in_(("failed", "held")))
    .values(state="waiting", attempts=0, error="", holds=0)
)

RELEASE_PARTS = (
    update(outbox)
    .where(outbox.c.turn_id == bindparam("b_turn_id"), outbox.c.state == "held")
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

_IS_HERE = func.split_part(lanes.c.lane, "/", 1).not_in(bindparam("elsewhere", expanding=True))
_IS_LEFT = (lanes.c.run_at <= bindparam("left_since")) & exists().where(
    inbox.c.lane == lanes.c.lane, inbox.c.n == lanes.c.head + 1, inbox.c.state == "waiting", inbox.c.stopped == false()
)
CLAIMABLE_HERE = CLAIMABLE.where(or_(_IS_HERE, _IS_LEFT))
"""For PostgreSQL, where some channels' answers are delivered by another process.

What that process leaves waiting is answered here, and given back to be delivered there.
"""
NEXT_READY_HERE = NEXT_READY.where(_IS_HERE)

TRY_DISK = (
    text("SET LOCAL work_mem = '64kB'"),
    # More than that is put down in a temporary file: some 300 kB, without a row, a log or a right of its own.
    text("SELECT count(*) FROM (SELECT * FROM generate_series(1, 20000)) AS numbers"),
)

NOTIFY = text("SELECT pg_notify('webot', :word)")


def turn(of: Turn, state: str, *, attempts: int, failure: str = "", at: float | None = None) -> dict[str, object]:
    """Return a row of `turns`; `at` is when the turn ended."""
    return {"id": of.id, "state": state, "failure": failure, "attempts": attempts, "ended_at": at}


def lane(of: Lane) -> dict[str, object]:
    """Return a row of `lanes`."""
    return {
        "lane": of.name,
        "state": int(of.state),
        "owner": of.owner,
        "epoch": of.epoch,
        "head": of.head,
        "tail": of.tail,
        "run_at": of.run_at,
        "held": int(of.held),
    }


def sent(turn_id: int, place: int, message_id: str, at: float, *, remark: str = "") -> dict[str, object]:
    """Return a row of `sent`."""
    return {"turn_id": turn_id, "place": place, "message_id": message_id, "error": remark, "sent_at": at}
