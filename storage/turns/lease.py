"""A worker's sign of life: other processes free its lanes when the lease has run out. PostgreSQL only."""

import asyncio
import socket
from collections.abc import Callable
from time import monotonic

import structlog
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.supervision import SupervisedLoop
from storage.database.engine import CLOCK, Database
from storage.database.failures import read_failure
from storage.database.tables import lanes, workers
from storage.turns import statements
from storage.turns.lanes import LaneState

log = structlog.get_logger()

LEASE_SECONDS = 12.0
_LEAST_LEFT = 1 / 3
"""Of a lease, in which nothing is begun: what a starved process sends in its last second is noted when others own it.

A lease is renewed each third, so that this much is left even after one renewal has failed.
"""


class Lease:
    """Renewed each third of its length; `lost` is called when others have taken our lanes over."""

    def __init__(
        self, database: Database, owner: str, *, lost: Callable[[], None], seconds: float = LEASE_SECONDS
    ) -> None:
        self._database = database
        self._owner = owner
        self._lost = lost
        self._seconds = seconds
        self._until = 0.0
        self._renewed = asyncio.Event()
        self.loop = SupervisedLoop("lease", self._keep)
        self._registered = False

    async def start(self) -> None:
        """Register the worker and keep it registered."""
        await self._register()
        self.loop.start()

    async def stop(self) -> None:
        """Remove the worker, so that no other waits for its lease to end."""
        await self.loop.stop()
        if not self._registered:
            return
        self._registered = False
        try:
            async with self._database.write() as connection:
                await connection.execute(delete(workers).where(workers.c.id == self._owner))
        except (SQLAlchemyError, OSError) as error:
            log.warning("lease_not_returned", error=str(read_failure(error)))

    @property
    def stands(self) -> bool:
        """Whether nobody can have taken our lanes over yet, by our own clock."""
        return monotonic() < self._until

    @property
    def left(self) -> float:
        """Return how long the lease stands yet by our own clock, in seconds; 0 once it has run out."""
        return max(0.0, self._until - monotonic())

    async def hold(self) -> None:
        """Return while our lease stands for long enough to note what begins now; otherwise wait for its renewal."""
        while self.left < self._seconds * _LEAST_LEFT:
            self._renewed.clear()
            await self._renewed.wait()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 3)
            try:
                await self._renew()
            except Exception as error:  # noqa: BLE001 -- the edge of a step: the lease is tried again before it ends
                log.warning("lease_not_renewed", error=str(read_failure(error)))

    async def _register(self) -> None:
        at = monotonic()
        async with self._database.write() as connection:
            now = float((await connection.execute(CLOCK)).scalar_one())
            await connection.execute(
                insert(workers).values(
                    id=self._owner, expires_at=now + self._seconds, started_at=now, host=socket.gethostname()
                )
            )
        self._registered = True
        self._set(at)

    async def _renew(self) -> None:
        at = monotonic()
        async with self._database.write() as connection:
            now = float((await connection.execute(CLOCK)).scalar_one())
            still = (
                await connection.execute(
                    update(workers)
                    .where(workers.c.id == self._owner)
                    .values(expires_at=now + self._seconds)
                    .returning(workers.c.id)
                )
            ).scalar_one_or_none()
            await self._free_the_dead(connection, now)
        if still is None:
            log.warning("lease_lost")
            self._lost()
            await self._register()
        else:
            self._set(at)

    def _set(self, at: float) -> None:
        # Counted from before the database was asked: by our clock the lease ends no later than by its.
        self._until = at + self._seconds
        self._renewed.set()

    async def _free_the_dead(self, connection: AsyncConnection, now: float) -> None:
        dead = (
            await connection.execute(delete(workers).where(workers.c.expires_at < now).returning(workers.c.id))
        ).all()
        living = select(workers.c.id)
        # Locked in the order of names, and never waited for: the ledger may hold some of them.
        freed = (
            (
                await connection.execute(
                    select(lanes.c.lane)
                    .where(lanes.c.state == int(LaneState.OWNED), lanes.c.owner.not_in(living))
                    .order_by(lanes.c.lane)
                    .with_for_update(skip_locked=True)
                )
            )
            .scalars()
            .all()
        )
        if freed:
            await connection.execute(
                update(lanes).where(lanes.c.lane.in_(freed)).values(state=int(LaneState.READY), run_at=now)
            )
            await connection.execute(statements.NOTIFY, {"word": "ready"})
            log.warning("lanes_taken_over", workers=len(dead), lanes=len(freed))
