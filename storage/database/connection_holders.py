"""Which of several processes holds a connection that there may be only one of, such as a bot's. PostgreSQL only.

A lease as a worker's, and shorter: renewed while the connection stands, taken over when it has run out. Whoever waits
for it only reads. The database's clock is everybody's, and no session is held, which a pooler would share.
"""

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects import postgresql

from storage.database.engine import CLOCK, Database
from storage.database.tables import connection_holders

HOLD_SECONDS = 4.0
"""For about as long nobody hears what is said to a bot whose holder was killed; what is said then is lost."""


class ConnectionHolders:
    """Implements `pipeline.ports.ConnectionLease` for one process; `owner` is its own name."""

    def __init__(self, database: Database, owner: str, *, seconds: float = HOLD_SECONDS) -> None:
        self.seconds = seconds
        self._database = database
        self._owner = owner

    async def acquire(self, name: str) -> bool:
        """Whether the connection is ours for the next `seconds`, taken or renewed by this.

        Raises:
            SQLAlchemyError: The database cannot be asked.
            OSError: It cannot be reached.
        """
        if not self._database.shared:
            return True
        async with self._database.write() as connection:
            now = float((await connection.execute(CLOCK)).scalar_one())
            held = select(connection_holders).where(connection_holders.c.name == name)
            holder = (await connection.execute(held)).first()
            if holder is not None and holder.owner != self._owner and holder.expires_at >= now:
                return False
            wanted = postgresql.insert(connection_holders).values(
                name=name, owner=self._owner, expires_at=now + self.seconds
            )
            taken = wanted.on_conflict_do_update(
                index_elements=["name"],
                set_={"owner": wanted.excluded.owner, "expires_at": wanted.excluded.expires_at},
                where=or_(connection_holders.c.owner == self._owner, connection_holders.c.expires_at < now),
            ).returning(connection_holders.c.owner)
            return (await connection.execute(taken)).first() is not None

    async def release(self, name: str) -> None:
        """Release the connection, so that another process can acquire it at once. Raises as `acquire` does."""
        if not self._database.shared:
            return
        mine = (connection_holders.c.name == name) & (connection_holders.c.owner == self._owner)
        async with self._database.write() as connection:
            await connection.execute(delete(connection_holders).where(mine))
