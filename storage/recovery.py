"""What a start finds: lanes whose owner is gone."""

from sqlalchemy import update

from storage.engine import Database
from storage.lanes import LaneState
from storage.tables import lanes


async def free_every_lane(database: Database) -> None:
    """Make every owned lane ready; right only where this process alone owns the database."""
    async with database.write() as connection:
        await connection.execute(
            update(lanes).where(lanes.c.state == int(LaneState.OWNED)).values(state=int(LaneState.READY), run_at=0.0)
        )
