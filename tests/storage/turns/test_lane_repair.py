"""A lane whose row cannot be read, is gone or counts wrongly is made anew, and nobody else waits for it."""

from pathlib import Path

import pytest
from sqlalchemy import select, text

from pipeline.events import Person
from pipeline.lanes import lane_of
from storage.database.engine import Database
from storage.database.tables import inbox, lanes
from storage.turns.lane_repair import repair_lane
from storage.turns.lanes import LaneUnreadable, read_lane
from tests.databases import open_migrated_file
from tests.storage.test_turn_ends import LI, ZHANG, answering

_WRONG = [
    pytest.param("UPDATE lanes SET state = 7", id="a state there is none of"),
    pytest.param("UPDATE lanes SET state = -1", id="a state below all"),
    pytest.param("UPDATE lanes SET epoch = -1", id="an epoch below 0"),
    pytest.param("UPDATE lanes SET epoch = 9223372036854775807", id="the largest epoch"),
    pytest.param("UPDATE lanes SET head = -5", id="a head below 0"),
    pytest.param("UPDATE lanes SET head = 9223372036854775807", id="a head beyond its tail"),
    pytest.param("UPDATE lanes SET head = 9223372036854775807, tail = 9223372036854775807", id="the largest counts"),
    pytest.param("UPDATE lanes SET head = 0, tail = 0", id="a tail before turns that were"),
    pytest.param("UPDATE lanes SET head = 0", id="a head before a turn that ended"),
    pytest.param("DELETE FROM lanes", id="no row"),
]
_LOOSE = ["x'00ff'", "'[{'", "''", "9e999", "1e308", "CAST(x'ff7b' AS TEXT)"]
_READY = "(lane, state, owner, epoch, head, tail, run_at)"
_COLUMNS = ["state", "owner", "epoch", "head", "tail", "run_at", "held"]


@pytest.mark.parametrize("statement", _WRONG)
async def test_whoever_has_a_wrong_lane_is_answered_once_and_others_too(database: Database, statement: str) -> None:
    async with answering(database) as harness:
        await harness.say(ZHANG, "一")
        await harness.until_ended(1)
        await until_idle(database)
        async with database.write() as connection:
            await connection.execute(text(statement))
        await harness.say(ZHANG, "二")
        await harness.say(LI, "别人")
        await harness.until_ended(3)
        await harness.say(ZHANG, "三")
        await harness.until_ended(4)

        assert ["一", "三", "二", "别人"] == sorted(harness.asked)
        assert ["好"] * 4 == harness.channel.sent
        assert "" == harness.worker.trouble


@pytest.mark.parametrize("run_at", ["NaN", "Infinity", "-Infinity"])
async def test_a_lane_ready_at_no_time_does_not_keep_others_from_being_claimed(postgres: Database, run_at: str) -> None:
    async with answering(postgres) as harness:
        await harness.say(ZHANG, "一")
        await harness.until_ended(1)
        await until_idle(postgres)
        async with postgres.write() as connection:
            await connection.execute(text(f"UPDATE lanes SET state = 1, run_at = '{run_at}'"))  # noqa: S608 -- the test's own
        await harness.say(LI, "别人")
        await harness.say(ZHANG, "二")
        await harness.until_ended(3)

        assert ["好"] * 3 == harness.channel.sent


@pytest.mark.parametrize("column", _COLUMNS)
async def test_sqlite_keeps_anything_in_a_lane_and_still_everybody_is_answered(tmp_path: Path, column: str) -> None:
    database = await open_migrated_file(tmp_path / "webot.db")
    try:
        async with database.write() as connection:
            for count, value in enumerate(_LOOSE):
                # Ready, so that whoever claims lanes meets it.
                await connection.execute(text(f"INSERT INTO lanes {_READY} VALUES ('fake/{count}', 1, '', 0, 0, 1, 0)"))  # noqa: S608 -- the test's own
                await connection.execute(text(f"UPDATE lanes SET {column} = {value} WHERE lane = 'fake/{count}'"))  # noqa: S608 -- the test's own
        async with answering(database) as harness:
            for count, value in enumerate(_LOOSE):
                await harness.say(LI, f"别人 {count}")
                await harness.say(ZHANG, f"我 {count}")
                await harness.say(Person("fake", str(count)), "你")
                await harness.until_ended(3 * count + 3)
                await until_idle(database)
                async with database.write() as connection:
                    await connection.execute(text(f"UPDATE lanes SET {column} = {value}"))  # noqa: S608 -- the test's own

            assert ["好"] * 3 * len(_LOOSE) == harness.channel.sent
    finally:
        await database.close()


async def test_a_lane_in_order_is_left_alone(database: Database) -> None:
    async with answering(database) as harness:
        await harness.say(ZHANG, "一")
        await harness.until_ended(1)
        await until_idle(database)
        async with database.write() as connection:
            before = (await connection.execute(select(lanes))).all()
            repaired = await connection.run_sync(repair_lane, lane_of(ZHANG), shared=database.shared)
            nobody = await connection.run_sync(repair_lane, "fake/nobody", shared=database.shared)

            assert (False, False) == (repaired, nobody)
            assert before == (await connection.execute(select(lanes))).all()


async def until_idle(database: Database) -> None:
    """Wait until every verdict has been written."""
    while True:
        async with database.read() as connection:
            if (await connection.execute(select(inbox.c.id).where(inbox.c.ended_at.is_(None)))).first() is None:
                return


def test_a_row_is_read_as_it_is_or_refused() -> None:
    assert 3 == read_lane(("a/b", 1, "w", 2, 3, 4, 0.5, 1)).head
    for place, value in ((1, 9), (2, b""), (3, -1), (4, 5), (5, 2**60), (6, float("nan")), (7, 2)):
        row: list[object] = ["a/b", 1, "w", 2, 3, 4, 0.5, 1]
        row[place] = value
        with pytest.raises(LaneUnreadable):
            read_lane(row)
