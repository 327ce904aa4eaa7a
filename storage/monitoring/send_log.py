"""What has left for whom: where a governor begins after a restart."""

from collections.abc import Mapping, Sequence
from time import time

from sqlalchemy import bindparam, select

from pipeline.events import Person
from storage.database.batch_reads import BatchReader
from storage.database.bulk import rows_parameter
from storage.database.engine import Database
from storage.database.tables import outbox

_BATCH = 64

_who = rows_parameter(outbox, "person")
_SENT_SINCE = select(outbox.c.person, outbox.c.sent_at).where(
    outbox.c.person.in_(select(_who.c.person)), outbox.c.sent_at > bindparam("since")
)


class OutboxSendLog:
    """Implements `SendLog` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._moments = BatchReader(self._sent_since, most=_BATCH)

    async def sent_since(self, person: Person, seconds: float) -> Sequence[float]:
        """Implement `SendLog.sent_since`."""
        return await self._moments.read((str(person), seconds)) or ()

    async def _sent_since(self, asked: Sequence[tuple[str, float]]) -> Mapping[tuple[str, float], Sequence[float]]:
        now = time()
        longest = max(seconds for _, seconds in asked)
        wanted = {"rows": [{"person": person} for person in {person for person, _ in asked}], "since": now - longest}
        async with self._database.read() as connection:
            rows = (await connection.execute(_SENT_SINCE, wanted)).all()
        ages: dict[str, list[float]] = {}
        for row in rows:
            ages.setdefault(row.person, []).append(max(0.0, now - row.sent_at))
        return {(person, seconds): [age for age in ages.get(person, ()) if age < seconds] for person, seconds in asked}
