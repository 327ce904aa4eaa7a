"""Tells whether a service works on a database from this machine: what else is done here then leaves it room."""

import asyncio
import socket

from sqlalchemy import select

from storage.database.engine import CLOCK, Database
from storage.database.tables import workers


async def service_is_running(database: Database) -> bool:
    """Look for the owner of a SQLite file, or for a worker of this machine whose lease stands."""
    if not database.shared:
        return await asyncio.to_thread(database.is_owned)
    async with database.read() as connection:
        now = float((await connection.execute(CLOCK)).scalar_one())
        here = select(workers.c.id).where(workers.c.host == socket.gethostname(), workers.c.expires_at > now).limit(1)
        return (await connection.execute(here)).scalar_one_or_none() is not None
