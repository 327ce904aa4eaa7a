"""Tells whether a service works on a database from this machine: what else is done here then leaves it room."""

import asyncio
import socket

from sqlalchemy import select

from storage.database.engine import CLOCK, Database
from storage.database.tables import workers


async def service_is_running(database: Database) -> bool:
    """Whether a process holds the SQLite file, or a worker of this machine has a valid lease."""
    if not database.shared:
        return await asyncio.to_thread(database.is_owned)
    async with database.read() as connection:
        now = float((await connection.execute(CLOCK)).scalar_one())
        here = select(workers.c.id).where(workers.c.host == socket.gethostname(), workers.c.expires_at > now).limit(1)
        return (await connection.execute(here)).scalar_one_or_none() is not None
