"""Writes changes of answers as the ledger does, without a turn that is in the queue."""

from collections.abc import Iterable

from sqlalchemy import Connection

from pipeline.answer import Change
from pipeline.turn_state import Turn
from storage.conversations.changes import Changes, change_writes
from storage.database.bulk import BulkWrites
from storage.database.engine import Database
from storage.usage.pseudonyms import insert_into


async def write_changes(database: Database, changes: Iterable[tuple[Change, Turn]], *, now: float) -> None:
    """Make changes in one transaction."""
    insert = insert_into(database)

    def work(connection: Connection) -> None:
        batch = Changes(connection, insert, now)
        for change, turn in changes:
            batch.make(change, turn)
        BulkWrites(change_writes(insert)).execute(connection, batch.rows(), shared=database.shared)
        batch.index()

    await database.transact(work)
