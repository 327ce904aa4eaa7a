"""The ledger's statements, built once so that their compiled form is reused, and the values they take."""

from sqlalchemy import Executable, bindparam, func, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import extract

from pipeline.outcomes import Turn
from storage.lanes import Lane, LaneState
from storage.tables import conversations, inbox, lanes, messages, outbox

CLOCK = select(extract("epoch", func.clock_timestamp()))


def _lock(wanted: postgresql.Insert | sqlite.Insert) -> Executable:
    # Setting the name to itself locks a row that is there already, and gives it back.
    setting = {"lane": wanted.excluded.lane}
    return wanted.on_conflict_do_update(index_elements=["lane"], set_=setting).returning(*lanes.c)


LOCK_LANES = _lock(sqlite.insert(lanes))
LOCK_LANES_SHARED = _lock(postgresql.insert(lanes))

INSERT_EVENTS = insert(inbox).returning(inbox.c.id, inbox.c.key)

INSERT_PARTS = insert(outbox)

INSERT_MESSAGES = insert(messages)

UPDATE_TURN = (
    update(inbox)
    .where(inbox.c.id == bindparam("b_id"))
    .values(
        state=bindparam("state"),
        failure=bindparam("failure"),
        attempts=bindparam("attempts"),
        ended_at=bindparam("ended_at"),
    )
)

UPDATE_LANE = (
    update(lanes)
    .where(lanes.c.lane == bindparam("b_lane"))
    .values(
        state=bindparam("state"),
        owner=bindparam("owner"),
        epoch=bindparam("epoch"),
        head=bindparam("head"),
        tail=bindparam("tail"),
        run_at=bindparam("run_at"),
    )
)

MARK_SENT = (
    update(outbox)
    .where(outbox.c.turn_id == bindparam("b_turn_id"), outbox.c.place == bindparam("b_place"))
    .values(state="sent", message_id=bindparam("message_id"), sent_at=bindparam("sent_at"), error="")
)

PUT_OFF = (
    update(outbox)
    .where(outbox.c.turn_id == bindparam("b_turn_id"), outbox.c.place == bindparam("b_place"))
    .values(attempts=bindparam("attempts"), error=bindparam("error"))
)

GIVE_UP = (
    update(outbox)
    .where(outbox.c.turn_id == bindparam("b_turn_id"), outbox.c.state == "waiting")
    .values(state="failed", error=bindparam("error"))
)

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

GROW_CONVERSATION = (
    update(conversations)
    .where(conversations.c.id == bindparam("b_id"))
    .values(
        turns=conversations.c.turns + 1,
        asides=conversations.c.asides + bindparam("asides"),
        last_at=bindparam("last_at"),
    )
)


def turn(
    of: Turn, state: str, *, failure: str = "", attempts: int | None = None, at: float | None = None
) -> dict[str, object]:
    """Give `UPDATE_TURN` its values; `at` is when the turn ended."""
    return {
        "b_id": of.id,
        "state": state,
        "failure": failure,
        "attempts": of.attempts if attempts is None else attempts,
        "ended_at": at,
    }


def lane(of: Lane) -> dict[str, object]:
    """Give `UPDATE_LANE` its values."""
    return {
        "b_lane": of.name,
        "state": int(of.state),
        "owner": of.owner,
        "epoch": of.epoch,
        "head": of.head,
        "tail": of.tail,
        "run_at": of.run_at,
    }


def sent(turn_id: int, place: int, message_id: str, at: float) -> dict[str, object]:
    """Give `MARK_SENT` its values."""
    return {"b_turn_id": turn_id, "b_place": place, "message_id": message_id, "sent_at": at}
