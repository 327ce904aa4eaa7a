"""Frees orphaned lanes: owned by a worker that is gone, or that does not know it owns them."""

from collections.abc import Container
from math import inf
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError

from storage.database.engine import Database
from storage.database.failures import read_failure
from storage.database.tables import lanes
from storage.turns.lanes import LaneState

log = structlog.get_logger()

BETWEEN_LOOKS_SECONDS = 1.0
REGULAR_LOOK_SECONDS = 60.0
"""However sure it seems that there are none."""

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

    When the connection breaks during a commit nobody learns whether the lanes claimed in it are claimed. In SQLite,
    where one process alone owns the file, every owned lane is this worker's, whatever name stands in it.
    """

    def __init__(self, database: Database, owner: str, *, between: float = BETWEEN_LOOKS_SECONDS) -> None:
        self._database = database
        self._owner = owner
        self.between = between
        self._found: frozenset[tuple[str, int, str]] = frozenset()
        self._looks = 0
        """How often to look yet."""
        self._looked = -inf

    @property
    def suspected(self) -> bool:
        """Whether there may be some."""
        return self._looks > 0 or monotonic() - self._looked >= REGULAR_LOOK_SECONDS

    def suspect(self) -> None:
        """Note that something happened which may leave some."""
        # One look finds them, the next makes sure.
        self._looks = 2

    async def free(self, running: Container[str]) -> None:
        """Make those ready that were found twice, some time apart: a turn just claimed is about to run."""
        if monotonic() - self._looked < self.between:
            return
        try:
            async with self._database.write() as connection:
                rows = await connection.execute(self._owned())
                found = [(row.lane, row.epoch, row.owner) for row in rows if row.lane not in running]
                sure = [each for each in found if each in self._found]
                if sure:
                    values = [{"b_lane": lane, "b_epoch": epoch, "b_owner": owner} for lane, epoch, owner in sure]
                    await connection.execute(_FREE, values)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("orphans_not_freed", error=str(read_failure(error)))
            return
        if sure:
            log.warning("orphans_freed", lanes=len(sure))
        self._found, self._looked = frozenset(found), monotonic()
        self._looks = 2 if found else max(0, self._looks - 1)

    def _owned(self) -> Select[Any]:
        owned = select(lanes.c.lane, lanes.c.epoch, lanes.c.owner).where(lanes.c.state == int(LaneState.OWNED))
        if self._database.shared:
            owned = owned.where(lanes.c.owner == self._owner)
        return owned.order_by(lanes.c.lane)
