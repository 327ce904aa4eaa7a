"""One operation that the database never takes is told from a database that is away."""

import asyncio
from collections.abc import Sequence

import pytest

from pipeline.errors import TryAgain, WriteRefused
from storage.turns.group_commit import GroupCommitWriter
from storage.turns.insistent_writer import InsistentWriter
from storage.turns.operations import AnyOperation, Probe
from storage.turns.readiness import WriteOutcomes

BAD, GOOD = Probe("bad"), Probe("good")


class Database:
    """Takes everything but one operation, of which it says that it is away itself."""

    def __init__(self, code: str) -> None:
        self.outcomes = WriteOutcomes()
        self.batches: list[Sequence[AnyOperation]] = []
        self._code = code

    async def apply(self, operations: Sequence[AnyOperation]) -> Sequence[object]:
        self.batches.append(operations)
        if BAD in operations:
            raise TryAgain("internal error", code=self._code)
        self.outcomes.note()
        return [None for _ in operations]


async def others_write(writer: GroupCommitWriter) -> None:
    while True:
        await writer.ask(GOOD)
        await asyncio.sleep(0)


async def write_bad(database: Database, *, beside: bool, seconds: float = 0.5) -> None:
    writer = GroupCommitWriter(database.apply)
    writer.start()
    others = asyncio.create_task(others_write(writer)) if beside else None
    try:
        async with asyncio.timeout(seconds):
            await InsistentWriter(writer, database.outcomes, doubt=lambda: None, pauses=(0.001, 0.002)).write(BAD)
    finally:
        if others is not None:
            others.cancel()
        await writer.stop()


async def test_what_never_passes_while_others_do_is_refused_and_takes_nobody_with_it() -> None:
    database = Database("XX000")
    with pytest.raises(WriteRefused, match="takes other writes but never this one"):
        await write_bad(database, beside=True, seconds=30)

    beside = [batch for batch in database.batches if BAD in batch and len(batch) > 1]
    assert len(beside) <= 1


async def test_a_database_that_takes_nothing_is_waited_for() -> None:
    with pytest.raises(TimeoutError):
        await write_bad(Database("08006"), beside=False)


@pytest.mark.parametrize("code", ["53100", "SQLITE_FULL"])
async def test_a_full_disk_is_waited_for_though_smaller_writes_pass(code: str) -> None:
    with pytest.raises(TimeoutError):
        await write_bad(Database(code), beside=True)
