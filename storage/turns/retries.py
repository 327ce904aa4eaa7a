"""Runs turns again that have failed: one policy for the service itself and for the shell beside it."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy import select

from storage.database.engine import Database
from storage.database.tables import inbox
from storage.turns.ledger import Ledger
from storage.turns.operations import Requeue, Requeued

Outcome = Literal["afresh", "resent", "unknown", "not_failed"]

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Retried:
    """What came of the wish: a new answer is made, only what was not sent goes out again, or neither."""

    id: int
    outcome: Outcome

    @property
    def runs_again(self) -> bool:
        """Whether the turn now waits to be run."""
        return self.outcome in {"afresh", "resent"}


class Requeuer(Protocol):
    """Puts an ended turn behind its lane's last; `storage.turns.worker.Worker` is one."""

    async def requeue(self, lane: str, turn_id: int, *, afresh: bool) -> bool:
        """Whether the turn had ended, and now waits."""


class LedgerRequeuer:
    """Writes without a worker: a service on the same PostgreSQL is woken, one on SQLite finds it when it starts."""

    def __init__(self, database: Database) -> None:
        self._ledger = Ledger(database, "shell")

    async def requeue(self, lane: str, turn_id: int, *, afresh: bool) -> bool:
        """Implement `Requeuer.requeue`. Raises `TryAgain` when the database cannot be written."""
        (result,) = await self._ledger.apply([Requeue(lane, turn_id, afresh=afresh)])
        if isinstance(result, Exception):
            raise result
        return isinstance(result, Requeued) and result.done


async def run_again(database: Database, by: Requeuer, turn_ids: Iterable[int] | None) -> Sequence[Retried]:
    """Run turns again: these, or with None every one that has failed up to now."""
    return await (retry_all(database, by) if turn_ids is None else retry(database, by, turn_ids))


async def retry(database: Database, by: Requeuer, turn_ids: Iterable[int]) -> Sequence[Retried]:
    """Run these turns again, in this order: failed ones afresh, of undelivered ones what was not sent."""
    return [await _one(database, by, turn_id) for turn_id in dict.fromkeys(turn_ids)]


async def retry_all(database: Database, by: Requeuer) -> Sequence[Retried]:
    """Run every turn again that has failed up to now, in the order accepted."""
    return [retried async for retried in _each(database, by)]


async def _each(database: Database, by: Requeuer) -> AsyncIterator[Retried]:
    last = 0
    while True:
        wanted = (
            select(inbox.c.id)
            .where(inbox.c.state.in_(("failed", "undelivered")), inbox.c.id > last)
            .order_by(inbox.c.id)
            .limit(_BATCH)
        )
        async with database.read() as connection:
            turn_ids = (await connection.execute(wanted)).scalars().all()
        if not turn_ids:
            return
        for turn_id in turn_ids:
            yield await _one(database, by, turn_id)
        # What failed again meanwhile keeps its number: going by numbers, no turn is run twice.
        last = turn_ids[-1]


async def _one(database: Database, by: Requeuer, turn_id: int) -> Retried:
    wanted = select(inbox.c.lane, inbox.c.state).where(inbox.c.id == turn_id)
    async with database.read() as connection:
        row = (await connection.execute(wanted)).one_or_none()
    if row is None:
        return Retried(turn_id, "unknown")
    if row.state not in {"failed", "undelivered"}:
        return Retried(turn_id, "not_failed")
    afresh = row.state == "failed"
    if not await by.requeue(row.lane, turn_id, afresh=afresh):
        return Retried(turn_id, "not_failed")
    return Retried(turn_id, "afresh" if afresh else "resent")
