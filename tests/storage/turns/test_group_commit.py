"""Of what is written together only the operation that is to blame fails, whatever the database calls its failure."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest
from sqlalchemy import text

from pipeline.errors import TryAgain
from pipeline.events import Person
from storage.database.engine import Database
from storage.database.failures import is_separable
from storage.turns.group_commit import GroupCommitWriter
from storage.turns.operations import AnyOperation, Probe
from storage.turns.worker import Worker
from tests.fakes.runs import ScriptedRun
from tests.storage.turns.test_worker import accept, said, working

_MANY = 512


class Refuses:
    """Takes every batch but those with one of some operations in them."""

    def __init__(self, *lanes: str, code: str) -> None:
        self._refused = {Probe(lane) for lane in lanes}
        self._code = code
        self.tries = 0

    async def apply(self, operations: Sequence[AnyOperation]) -> Sequence[object]:
        self.tries += 1
        if self._refused.intersection(operations):
            raise TryAgain("it is away", code=self._code)
        return [None for _ in operations]


async def write_many(database: Refuses) -> tuple[set[str], list[str]]:
    """Return which of many operations failed, and with which codes batches were given up."""
    given_up: list[str] = []
    writer = GroupCommitWriter(database.apply, given_up=given_up.append)
    futures = {f"{number}": writer.post(Probe(f"{number}")) for number in range(_MANY)}
    writer.start()
    await asyncio.wait(futures.values())
    await writer.stop()
    return {lane for lane, future in futures.items() if future.exception() is not None}, given_up


@pytest.mark.parametrize("guilty", [("0",), ("511",), ("200",), ("0", "1"), ("17", "400"), ("3", "90", "256")])
async def test_what_is_to_blame_fails_and_nothing_else(guilty: tuple[str, ...]) -> None:
    database = Refuses(*guilty, code="57014")
    failed, given_up = await write_many(database)

    assert set(guilty) == failed
    assert [] == given_up
    assert database.tries <= 1 + 18 * len(guilty)


@pytest.mark.parametrize("code", ["53100", "SQLITE_FULL", "08006", "57P03", "ConnectionResetError", ""])
async def test_where_the_database_is_away_for_all_it_is_not_asked_for_each(code: str) -> None:
    database = Refuses(*map(str, range(_MANY)), code=code)
    failed, given_up = await write_many(database)

    assert _MANY == len(failed)
    assert database.tries <= 26
    assert all(code == each for each in given_up)
    assert is_separable(code) == bool(given_up)


_GUILTY = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.content LIKE '%guilty%' THEN RAISE EXCEPTION 'too slow' USING ERRCODE = '{code}'; END IF;
    RETURN NEW;
END $$
"""


@pytest.mark.parametrize("code", ["57014", "40001", "53200", "XX000"])
async def test_an_event_that_postgresql_never_takes_leaves_others_accepted(postgres: Database, code: str) -> None:
    async with postgres.write() as connection:
        await connection.execute(text(_GUILTY.format(code=code)))
        await connection.execute(
            text("CREATE TRIGGER refuse BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION refuse()")
        )
    async with working(postgres) as (worker, run):
        words = [*(f"good {number}" for number in range(40)), "guilty", *(f"more {number}" for number in range(40))]
        accepted = [accept(worker, said(Person("wecom", f"u{place}"), word)) for place, word in enumerate(words)]
        results = await asyncio.gather(*accepted, return_exceptions=True)
        await run.until_sent(80)

        assert 40 == [isinstance(result, TryAgain) for result in results].index(True)
        assert 80 == results.count(True)
        assert "" == await worker.readiness.trouble()


async def test_a_database_that_takes_no_event_at_all_is_told(postgres: Database) -> None:
    async with postgres.write() as connection:
        await connection.execute(text(_GUILTY.replace("'%guilty%'", "'%'").format(code="53100")))
        await connection.execute(
            text("CREATE TRIGGER refuse BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION refuse()")
        )
    worker = Worker(postgres, most=10)
    await worker.start(ScriptedRun(worker))
    try:
        for _ in range(3):
            with suppress(TryAgain):
                await asyncio.gather(*(accept(worker, said(Person("wecom", f"u{n}"), "x")) for n in range(8)))

        assert "53100" in await worker.readiness.trouble()
    finally:
        await worker.close()
