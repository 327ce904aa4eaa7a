"""Reads that are asked for at the same time share a statement, and none harms another."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from storage.database.batch_reads import BatchReader
from tests.hand_clock import HandClock


class Table:
    """Rows by number; reading waits until it is let go on."""

    def __init__(self, *, broken: Mapping[int, Exception] | None = None) -> None:
        self.statements: list[Sequence[int]] = []
        self.go_on = asyncio.Event()
        self._broken = broken or {}

    async def read(self, keys: Sequence[int]) -> Mapping[int, str]:
        self.statements.append(keys)
        await self.go_on.wait()
        for key in keys:
            if key in self._broken:
                raise self._broken[key]
        return {key: f"row {key}" for key in keys if key >= 0}


async def asked(table: Table, keys: Sequence[int], *, most: int = 100) -> list[str | BaseException | None]:
    """Ask for keys at the same time, and let the table go on once nothing more happens."""
    reader = BatchReader(table.read, most=most)
    asking = [asyncio.create_task(reader.read(key)) for key in keys]
    await asyncio.sleep(0)
    table.go_on.set()
    return await asyncio.gather(*asking, return_exceptions=True)


async def test_who_asks_at_the_same_time_is_answered_by_one_statement() -> None:
    table = Table()

    assert ["row 3", None, "row 1", "row 3"] == await asked(table, [3, -1, 1, 3])
    assert [[3, -1, 1]] == table.statements


async def test_after_a_shared_statement_the_next_waits_for_those_who_ask_a_little_later() -> None:
    table = Table()
    reader = BatchReader(table.read, most=100, pause_seconds=0.5)
    table.go_on.set()
    await asyncio.gather(reader.read(1), reader.read(2))

    early = asyncio.create_task(reader.read(3))
    for _ in range(10):
        await asyncio.sleep(0)
    late = asyncio.create_task(reader.read(4))

    assert ["row 3", "row 4"] == list(await asyncio.gather(early, late))
    assert [[1, 2], [3, 4]] == table.statements


async def test_who_asks_after_a_silence_waits_for_nobody() -> None:
    clock, table = HandClock(), Table()
    reader = BatchReader(table.read, most=100, pause_seconds=0.5, clock=clock)
    table.go_on.set()
    await asyncio.gather(reader.read(1), reader.read(2))
    clock.now += 0.6

    alone = asyncio.create_task(reader.read(3))
    for _ in range(3):
        await asyncio.sleep(0)

    assert [[1, 2], [3]] == table.statements
    assert "row 3" == await alone


async def test_one_who_asks_alone_waits_for_nobody() -> None:
    table = Table()
    reader = BatchReader(table.read, most=100)
    table.go_on.set()
    await asyncio.gather(reader.read(1), reader.read(2))
    await reader.read(3)

    alone = asyncio.create_task(reader.read(4))
    for _ in range(3):
        await asyncio.sleep(0)

    assert [[1, 2], [3], [4]] == table.statements
    assert "row 4" == await alone


async def test_a_statement_reads_so_many_and_no_more() -> None:
    table = Table()

    assert [f"row {n}" for n in range(10)] == await asked(table, range(10), most=4)
    assert 4 == max(len(keys) for keys in table.statements)


async def test_a_row_that_cannot_be_read_fails_alone() -> None:
    table = Table(broken={2: ValueError("no JSON")})

    first, second, third = await asked(table, [1, 2, 3])

    assert ("row 1", "row 3") == (first, third)
    assert isinstance(second, ValueError)


async def test_a_database_that_is_away_is_not_asked_again_for_each() -> None:
    table = Table(broken={2: ConnectionResetError("gone")})

    assert all(isinstance(each, ConnectionResetError) for each in await asked(table, [1, 2, 3]))
    assert 1 == len(table.statements)


async def test_who_stops_waiting_takes_nobody_along() -> None:
    table = Table()
    reader = BatchReader(table.read, most=100)
    impatient, patient = (asyncio.create_task(reader.read(key)) for key in (1, 2))
    await asyncio.sleep(0)
    impatient.cancel()
    table.go_on.set()

    assert "row 2" == await patient
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_who_asks_again_in_the_moment_in_which_the_last_statements_end_is_answered() -> None:
    table = Table()
    reader = BatchReader(table.read, most=1)

    async def twice(key: int) -> list[str | None]:
        return [await reader.read(key), await reader.read(key)]

    asking = [asyncio.create_task(twice(key)) for key in range(2)]
    await asyncio.sleep(0)
    table.go_on.set()

    async with asyncio.timeout(30):
        assert [["row 0", "row 0"], ["row 1", "row 1"]] == await asyncio.gather(*asking)
