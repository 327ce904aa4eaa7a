"""Applies batches of operations, each in one transaction, and says what it means when one is refused."""

from collections.abc import Sequence
from typing import TypeGuard

import structlog
from sqlalchemy import Connection

from pipeline import metrics
from pipeline.answer import ExchangeRecorded
from pipeline.errors import TryAgain, WriteRefused
from pipeline.text.i18n import Sentence
from storage.database.engine import Database
from storage.database.failures import Meaning, is_separable, read_failure
from storage.turns.lane_repair import repair_lane, repair_ready_lanes
from storage.turns.ledger_transaction import LedgerTransaction
from storage.turns.operations import (
    AnyOperation,
    Claim,
    Probe,
    Record,
)
from storage.turns.readiness import WriteOutcomes

log = structlog.get_logger()


class Ledger:
    """Applies operations for one worker."""

    def __init__(self, database: Database, owner: str) -> None:
        self.owner = owner
        self.outcomes = WriteOutcomes()
        self._database = database

    async def apply(self, operations: Sequence[AnyOperation]) -> Sequence[object]:
        """Return each operation's result, or a `LaneLost`; the whole batch is committed before this returns.

        Raises `TryAgain` while the database is away or broken, `WriteRefused` when it will not take what was to be
        written; nothing has been done then.
        """

        def work(connection: Connection) -> Sequence[object]:
            return LedgerTransaction(connection, self.owner, shared=self._database.shared).apply(operations)

        try:
            results = await self._database.transact(work)
        except Exception as error:
            failure = read_failure(error)
            if failure.meaning is Meaning.DATA:
                if len(operations) == 1 and await self._repair(operations[0]):
                    return await self.apply(operations)
                self._note_refused(operations, failure.code)
                raise WriteRefused(Sentence("reason.database_refuses", said=failure), code=failure.code) from error
            if len(operations) == 1 or not is_separable(failure.code):
                self.note_failed(failure.code)
            if failure.meaning is Meaning.DAMAGED:
                log.error("operator_needed", reason=f"the database is damaged ({failure})", code=failure.code)  # noqa: TRY400 -- as above
            raise TryAgain(Sentence("reason.database_write", said=failure), code=failure.code) from error
        if not all(isinstance(operation, (Claim, Probe)) for operation in operations):
            # Those write little or nothing.
            self.outcomes.note()
        if any(_is_answer(operation) for operation in operations):
            self.outcomes.note_answer()
        return results

    def note_failed(self, code: str) -> None:
        """Count a transaction that failed and is not tried again in parts."""
        self.outcomes.note(code)
        metrics.LEDGER_FAILURES.labels(code).inc()

    async def _repair(self, operation: AnyOperation) -> bool:
        """Make the row of the operation's lane anew if it is to blame, of any lane that is ready for a claim."""

        def work(connection: Connection) -> bool:
            if isinstance(operation, Claim):
                return repair_ready_lanes(connection, shared=self._database.shared)
            return repair_lane(connection, operation.lane, shared=self._database.shared)

        try:
            return await self._database.transact(work)
        except Exception as error:  # noqa: BLE001 -- the refusal itself is what is told
            log.warning("lane_not_repaired", error=str(read_failure(error)))
            return False

    def _note_refused(self, operations: Sequence[AnyOperation], code: str) -> None:
        # Of a batch that will be split, only what is to blame counts.
        if len(operations) > 1:
            return
        self.note_failed(code)
        if _is_answer(operations[0]):
            self.outcomes.note_answer(operations[0].lane, code)


def _is_answer(operation: AnyOperation) -> TypeGuard[Record]:
    return isinstance(operation, Record) and any(isinstance(change, ExchangeRecorded) for change in operation.changes)
