"""Makes a lane's row anew from its turns, where the row cannot be read, is gone, or counts fewer turns than there are.

Only asked for after a transaction was refused: what is written to a lane costs nothing more for it.
"""

from time import time

import structlog
from sqlalchemy import Connection, func, insert, select, update

from storage.database.engine import CLOCK
from storage.database.tables import inbox, lanes
from storage.turns.lanes import LaneState, LaneUnreadable, read_lane

log = structlog.get_logger()


def repair_lane(connection: Connection, name: str, *, shared: bool) -> bool:
    """Make one lane's row anew if it needs it; return whether it did."""
    row = (connection.execute(select(lanes).where(lanes.c.lane == name).with_for_update())).one_or_none()
    first, last = (
        connection.execute(
            select(func.min(inbox.c.n).filter(inbox.c.ended_at.is_(None)), func.max(inbox.c.n)).where(
                inbox.c.lane == name
            )
        )
    ).one()
    if last is None and row is None:
        return False
    tail = last or 0
    reason = "its row is gone"
    if row is not None:
        try:
            if read_lane(row).tail >= tail:
                return False
            reason = "lanes.tail is less than the number of a turn"
        except LaneUnreadable as error:
            reason = str(error)
    now = float((connection.execute(CLOCK)).scalar_one()) if shared else time()
    waits = first is not None
    values = {
        "state": int(LaneState.READY if waits else LaneState.IDLE),
        "owner": "",
        # Greater than that of any claim there was, so that the worker which holds the lane now no longer does.
        "epoch": int(now * 1000),
        "head": first - 1 if waits else tail,
        "tail": tail,
        "run_at": now if waits else 0.0,
        # There may be: the next message looks.
        "held": 1,
    }
    if row is None:
        connection.execute(insert(lanes).values(lane=name, **values))
    else:
        connection.execute(update(lanes).where(lanes.c.lane == name).values(values))
    log.error("lane_repaired", lane=name, reason=reason, waits=waits)
    return True


def repair_ready_lanes(connection: Connection, *, shared: bool) -> bool:
    """Make the row of each lane anew that waits to be claimed and cannot be read; return whether there was one."""
    rows = connection.execute(select(lanes).where(lanes.c.state == int(LaneState.READY)))
    broken = [row.lane for row in rows.all() if not _is_readable(row)]
    repaired = [repair_lane(connection, name, shared=shared) for name in broken]
    return any(repaired)


def _is_readable(row: tuple[object, ...]) -> bool:
    try:
        read_lane(row)
    except LaneUnreadable:
        return False
    return True
