"""Rows that cannot be read are set aside and shown, and nobody else waits for them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from pipeline.answer import Forgotten, Outcome
from pipeline.lanes import lane_of
from pipeline.replies import TextReply
from storage.database.codec import content_to_json
from storage.database.engine import Database
from storage.database.tables import inbox, lanes, outbox
from storage.monitoring.views import find_turn, list_turns
from storage.turns.lanes import LaneState
from storage.turns.retries import retry
from tests.databases import open_migrated_file
from tests.storage.test_turn_ends import LI, ZH, ZHANG, WorkerHarness, answering, event, said

ROW = {
    "key": "k1",
    "lane": lane_of(ZHANG),
    "n": 1,
    "channel": "fake",
    "user": "张三",
    "sent_at": 1.0,
    "accepted_at": 1.0,
}
_LANE = {"lane": lane_of(ZHANG), "state": int(LaneState.READY), "head": 0, "tail": 1, "run_at": 0.0}
TEXT = content_to_json(event(ZHANG, "前").content)

BAD_CONTENTS = [
    pytest.param({"content": '{"kind": "hologram"}'}, id="an unknown kind"),
    pytest.param({"content": '[{"kind"'}, id="JSON cut off"),
    pytest.param({"content": ""}, id="nothing"),
    pytest.param({"content": "null"}, id="null"),
    pytest.param({"content": '{"kind": "text"}'}, id="a field is missing"),
    pytest.param({"content": '{"kind": "text", "text": 5}'}, id="a field of another type"),
    pytest.param({"content": TEXT, "sent_at": 1e18}, id="a time beyond all calendars"),
    pytest.param({"content": TEXT, "sent_at": float("-inf")}, id="a time before all calendars"),
]
BAD_PARTS = ['{"kind": "hologram"}', "[{", "", "null", '{"kind": "words"}']


async def put(database: Database, row: dict[str, Any], part: str | None = None) -> None:
    async with database.write() as connection:
        await connection.execute(insert(inbox).values(ROW | {"id": 1000} | row))
        await connection.execute(insert(lanes).values(_LANE))
        if part is not None:
            await connection.execute(insert(outbox).values(turn_id=1000, place=0, person="fake/张三", part=part))


async def goes_on(harness: WorkerHarness) -> None:
    """See that the lane goes on, and others' lanes do."""
    await harness.say(ZHANG, "再来")
    await harness.say(LI, "别人")
    await harness.until_ended(3)
    assert ["failed", "done", "done"] == sorted((verdict.state for verdict in harness.finished), reverse=True)


@pytest.mark.parametrize("row", BAD_CONTENTS)
async def test_a_message_that_cannot_be_read_is_apologised_for(database: Database, row: dict[str, Any]) -> None:
    await put(database, row)
    async with answering(database) as harness:
        await goes_on(harness)
    (shown,) = await list_turns(database, "failed")
    detail = await find_turn(database, 1000)

    assert ZH.text("turn.failed", trace="1000") in harness.channel.sent
    assert ["好", "好"] == [words for words in harness.channel.sent if "1000" not in words]
    assert (1000, "failed") == (shown.id, shown.state)
    assert "inbox." in shown.reason
    assert detail is not None


@pytest.mark.parametrize("part", BAD_PARTS)
async def test_an_answer_that_cannot_be_read_is_apologised_for(database: Database, part: str) -> None:
    await put(database, {"content": TEXT, "state": "answered"}, part)
    async with answering(database) as harness:
        await goes_on(harness)
    detail = await find_turn(database, 1000)

    assert ZH.text("turn.failed", trace="1000") in harness.channel.sent
    assert detail is not None
    assert ("failed", "failed") == (detail.turn.state, detail.parts[0].state)
    assert "outbox.part" in detail.turn.reason
    assert detail.parts[0].part is None


async def test_running_it_again_fails_it_again_and_ends_nothing(database: Database) -> None:
    await put(database, {"content": "[{"})
    async with answering(database) as harness:
        await goes_on(harness)
        (retried,) = await retry(database, harness.worker, [1000])
        await harness.until_ended(4)
        await harness.say(ZHANG, "还好吗")
        await harness.until_ended(5)

        assert "afresh" == retried.outcome
        assert "" == harness.worker.trouble
        assert "好" == harness.channel.sent[-1]


async def test_a_row_that_was_taken_away_by_hand_holds_nobody_up(database: Database) -> None:
    async with answering(database) as harness:
        await harness.say(ZHANG, "一")
        await harness.until_ended(1)
    await put_lane(database, head=1, tail=4)
    async with database.write() as connection:
        await connection.execute(insert(inbox).values(ROW | {"id": 1000, "n": 3, "content": TEXT}))
    async with answering(database) as harness:
        await harness.until_ended(1)
        await harness.say(ZHANG, "再来")
        await harness.until_ended(2)

        assert ["好", "好"] == harness.channel.sent


async def put_lane(database: Database, *, head: int, tail: int) -> None:
    async with database.write() as connection:
        await connection.execute(
            update(lanes)
            .where(lanes.c.lane == lane_of(ZHANG))
            .values(head=head, tail=tail, state=int(LaneState.READY), run_at=0.0)
        )


_LOOSE = [
    pytest.param("UPDATE inbox SET content = CAST(x'ff7b' AS TEXT)", 3, id="bytes that are no text"),
    pytest.param("UPDATE inbox SET content = x'00ff'", 3, id="bytes"),
    pytest.param("UPDATE inbox SET attempts = 'many'", 3, id="attempts in words"),
    pytest.param("UPDATE inbox SET sent_at = 'yesterday'", 3, id="a time in words"),
    pytest.param("UPDATE inbox SET accepted_at = x'00'", 3, id="a time in bytes"),
    pytest.param("UPDATE inbox SET failure = x'00'", 3, id="a reason in bytes"),
    pytest.param("UPDATE inbox SET stopped = 'no'", 3, id="a flag in words"),
    pytest.param("UPDATE inbox SET channel = x'00'", 2, id="no person"),
]


@pytest.mark.parametrize(("statement", "ended"), _LOOSE)
async def test_sqlite_keeps_anything_and_still_everybody_is_answered(
    tmp_path: Path, statement: str, ended: int
) -> None:
    database = await open_migrated_file(tmp_path / "webot.db")
    try:
        await put(database, {"content": TEXT})
        async with database.write() as connection:
            await connection.execute(text(statement))
        async with answering(database) as harness:
            await harness.say(ZHANG, "再来")
            await harness.say(LI, "别人")
            await harness.until_ended(ended)

            assert 2 <= harness.channel.sent.count("好")
            assert "" == harness.worker.trouble
        await list_turns(database, "failed")
        await list_turns(database, "waiting")
        await find_turn(database, 1000)
    finally:
        await database.close()


async def test_forgetting_a_person_whose_rows_cannot_be_read_locks_nobody_out(database: Database) -> None:
    forget = Outcome((TextReply("已删除"),), (Forgotten(),))
    async with answering(database, {"问": said("答"), "忘": forget}) as harness:
        await harness.say(ZHANG, "问")
        await harness.say(ZHANG, "又问")
        await harness.until_ended(2)
        async with database.write() as connection:
            await connection.execute(text("UPDATE messages SET media = '[{'"))
        await harness.say(ZHANG, "忘")
        people = [f"m{number}" for number in range(20)]
        await asyncio.gather(*(harness.say(LI, words) for words in people))
        await harness.until_ended(23)

        assert 23 == [verdict.state for verdict in harness.finished].count("done")
        assert 23 <= len(harness.channel.sent)
