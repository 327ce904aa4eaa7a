"""What has left for whom: where a governor begins after a restart."""

from collections.abc import Sequence
from time import time

from sqlalchemy import bindparam, select

from pipeline.events import Person
from storage.database.engine import Database
from storage.database.tables import outbox

_SENT_SINCE = select(outbox.c.sent_at).where(outbox.c.person == bindparam("who"), outbox.c.sent_at > bindparam("since"))


class OutboxSendLog:
    """Implements `SendLog` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sent_since(self, person: Person, seconds: float) -> Sequence[float]:
        """Implement `SendLog.sent_since`."""
        now = time()
        async with self._database.read() as connection:
            rows = await connection.execute(_SENT_SINCE, {"who": str(person), "since": now - seconds})
            return [max(0.0, now - at) for at in rows.scalars()]
