"""Frees orphaned lanes: owned by a worker that is gone, or that does not know it owns them."""

from collections.abc import Container
from time import monotonic

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError

from storage.database.engine import Database
from storage.database.failures import read_failure
from storage.database.tables import lanes
from storage.turns.lanes import LaneState

log = structlog.get_logger()

_BETWEEN_LOOKS = 1.0

_FREE = (
    update(lanes)
    .where(
        lanes.c.lane == bindparam("b_lane"),
        lanes.c.epoch == bindparam("b_epoch"),
        lanes.c.owner == bindparam("b_owner"),
        lanes.c.state == int(LaneState.OWNED),
    )
    .values(state=int(LaneState.READY), run_at=0.0)
)


async def free_every_lane(database: Database) -> None:
    """Make every owned lane ready; right only where this process alone owns the database."""
    async with database.write() as connection:
        await connection.execute(
            update(lanes).where(lanes.c.state == int(LaneState.OWNED)).values(state=int(LaneState.READY), run_at=0.0)
        )


class Orphans:
    """Lanes that are one worker's by the database, and that it does not run.

    When the connection breaks during a commit nobody learns whether the lanes claimed in it are claimed.
    """

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner
        self._found: frozenset[tuple[str, int]] = frozenset()
        self._looks = 0
        """How often to look yet."""
        self._looked = 0.0

    @property
    def suspected(self) -> bool:
        """Whether there may be some."""
        return self._looks > 0

    def suspect(self) -> None:
        """Note that something happened which may leave some."""
        # One look finds them, the next makes sure.
        self._looks = 2

    async def free(self, running: Container[str]) -> None:
        """Make those ready that were found twice, at least a second apart: a turn just claimed is about to run."""
        if monotonic() - self._looked < _BETWEEN_LOOKS:
            return
        try:
            async with self._database.write() as connection:
                rows = await connection.execute(
                    select(lanes.c.lane, lanes.c.epoch)
                    .where(lanes.c.owner == self._owner, lanes.c.state == int(LaneState.OWNED))
                    .order_by(lanes.c.lane)
                )
                found = [(row.lane, row.epoch) for row in rows if row.lane not in running]
                sure = [each for each in found if each in self._found]
                if sure:
                    values = [{"b_lane": lane, "b_epoch": epoch, "b_owner": self._owner} for lane, epoch in sure]
                    await connection.execute(_FREE, values)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("orphans_not_freed", error=str(read_failure(error)))
            return
        if sure:
            log.warning("orphans_freed", lanes=len(sure))
        self._found, self._looked = frozenset(found), monotonic()
        self._looks = 2 if found else self._looks - 1
