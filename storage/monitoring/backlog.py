"""How much waits to be answered; what it costs grows with that, and not with what was answered."""

from dataclasses import dataclass
from time import time

from sqlalchemy import func, select

from storage.database.engine import Database
from storage.database.tables import inbox, lanes

# Of each lane that has something to do, the first turn: by the index of lanes that are not idle.
_BACKLOG = (
    select(func.coalesce(func.sum(lanes.c.tail - lanes.c.head), 0), func.min(inbox.c.accepted_at))
    .select_from(lanes.outerjoin(inbox, (inbox.c.lane == lanes.c.lane) & (inbox.c.n == lanes.c.head + 1)))
    .where(lanes.c.state != 0)
)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Turns that wait or run, and the age of the oldest in seconds, 0 where there is none."""

    turns: int
    oldest: float


async def read_backlog(database: Database) -> Backlog:
    """Return what waits now."""
    async with database.read() as connection:
        turns, accepted_at = (await connection.execute(_BACKLOG)).one()
    return Backlog(int(turns), 0.0 if accepted_at is None else max(0.0, time() - accepted_at))
