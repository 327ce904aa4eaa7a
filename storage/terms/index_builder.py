"""Indexes what is not, in the background, the newest first: above all what was said before there was an index."""

import asyncio
from collections.abc import Callable
from time import perf_counter

import structlog
from sqlalchemy import ColumnElement, Connection, false, func, literal_column, select, update

from pipeline.supervision import SupervisedLoop
from storage.database.engine import Database
from storage.database.tables import messages
from storage.terms.term_index import put_exchanges, read_exchanges

log = structlog.get_logger()

_BATCH = 32
"""Exchanges a transaction, in which nobody else writes to SQLite."""
_AGAIN = 60.0
"""Seconds after which it is looked again whether something was written that is not indexed."""

# Spelled out in the statement, so that both databases take the index of what is not indexed.
_UNINDEXED: ColumnElement[bool] = (messages.c.indexed == false()) & (messages.c.role == literal_column("'ai'"))


async def count_unindexed(database: Database) -> int:
    """Return how many exchanges are still to be indexed; they are listed, and found by no filter and no words."""
    async with database.read() as connection:
        return int(
            (await connection.execute(select(func.count()).select_from(messages).where(_UNINDEXED))).scalar_one()
        )


class IndexBuilder:
    """Builds the index to its end, resting between batches as long as they took; a start goes on where it stopped."""

    def __init__(
        self, database: Database, *, pause: Callable[[float], float] = lambda took: took, batch: int = _BATCH
    ) -> None:
        self._database = database
        self._pause = pause
        self._batch = batch
        self.loop = SupervisedLoop("search index", self._run)

    def start(self) -> None:
        """Begin."""
        self.loop.start()

    async def close(self) -> None:
        """Stop where it stands."""
        await self.loop.stop()

    async def build(self) -> int:
        """Index what is not; return how many exchanges were."""
        indexed = 0
        if not await count_unindexed(self._database):
            return indexed
        while True:
            began = perf_counter()
            some = await self._database.transact(lambda connection: _index_some(connection, self._batch))
            if not some:
                return indexed
            indexed += some
            await asyncio.sleep(self._pause(perf_counter() - began))

    async def _run(self) -> None:
        while True:
            if indexed := await self.build():
                log.info("search_index_built", exchanges=indexed)
            await asyncio.sleep(_AGAIN)


def _index_some(connection: Connection, batch: int) -> int:
    """Index the newest exchanges that are not; return how many."""
    newest = select(messages.c.id).where(_UNINDEXED).order_by(messages.c.id.desc()).limit(batch)
    # Of several processes each takes others.
    ids = connection.execute(newest.with_for_update(skip_locked=True)).scalars().all()
    put_exchanges(connection, read_exchanges(connection, messages.c.id.in_(ids)))
    connection.execute(update(messages).where(messages.c.id.in_(ids)).values(indexed=True))
    return len(ids)
