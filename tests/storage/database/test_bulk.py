"""What goes into the database as one parameter of many rows comes out as it was, from SQLite and PostgreSQL."""

import pytest
from sqlalchemy import select

from storage.database.bulk import BulkWrites, JsonRows, insert_rows, update_rows
from storage.database.engine import Database
from storage.database.tables import inbox, lanes, people

NAMES = ("key", "lane", "n", "channel", "user", "content", "sent_at", "accepted_at")
TEXTS = (
    "",
    "你好，世界",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "'; DROP TABLE inbox; --",
    '{"rows": [1, null, "\\u4f60"]}',
    "\\ \" ' $.key %s :rows ?",
    "a\tb\nc\r\nd\u2028e\x7f",
    "长" * 50_000,
)


def row(n: int, content: str) -> dict[str, object]:
    key = f"{n}/{content[:20]}"
    return {
        "key": key, "lane": "wecom/张三", "n": n, "channel": "wecom", "user": "张三",
        "content": content, "sent_at": 1763839123.0, "accepted_at": 1763839123.123456,
    }  # fmt: skip


async def test_rows_go_in_and_come_out_as_they_were(database: Database) -> None:
    rows = [row(n, text) for n, text in enumerate(TEXTS)]
    async with database.write() as connection:
        await connection.execute(insert_rows(inbox, *NAMES), {"rows": rows})
        found = (await connection.execute(select(inbox).order_by(inbox.c.id))).all()

    assert [
        (one["key"], one["n"], one["content"], one["sent_at"], pytest.approx(one["accepted_at"], abs=1e-6))
        for one in rows
    ] == [(one.key, one.n, one.content, one.sent_at, one.accepted_at) for one in found]
    assert {("waiting", 0, "", False, None)} == {
        (one.state, one.attempts, one.failure, one.stopped, one.ended_at) for one in found
    }


async def test_each_row_is_updated_by_what_names_it_and_no_other_is(database: Database) -> None:
    update = update_rows(inbox, ("lane", "n"), "state", "stopped", "ended_at")
    changes = [
        {"lane": "wecom/张三", "n": 0, "state": "答", "stopped": True, "ended_at": 5.5},
        {"lane": "wecom/张三", "n": 2, "state": "failed", "stopped": False, "ended_at": None},
        {"lane": "wecom/李四", "n": 1, "state": "nobody's", "stopped": True, "ended_at": 1},
    ]
    async with database.write() as connection:
        await connection.execute(insert_rows(inbox, *NAMES), {"rows": [row(n, str(n)) for n in range(3)]})
        await connection.execute(update, {"rows": changes})
        found = (await connection.execute(select(inbox).order_by(inbox.c.n))).all()

    assert [("答", True, 5.5), ("waiting", False, None), ("failed", False, None)] == [
        (one.state, one.stopped, one.ended_at) for one in found
    ]


async def test_what_is_packed_is_one_value_of_all_rows(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert_rows(inbox, *NAMES), {"rows": [row(n, text) for n, text in enumerate(TEXTS)]})
        packed = await connection.execute(select(JsonRows(inbox.c.content, inbox.c.n)))

        assert [[text, n] for n, text in enumerate(TEXTS)] == packed.scalar_one()


async def test_several_writes_go_together_and_those_without_rows_are_left_out(database: Database) -> None:
    writes = BulkWrites(
        {
            "events": insert_rows(inbox, *NAMES, rows="events"),
            "lanes": insert_rows(lanes, "lane", "tail", rows="lanes"),
            "people": insert_rows(people, "person", "channel", "user", rows="people"),
        }
    )
    rows = {"events": [row(n, str(n)) for n in range(3)], "lanes": [{"lane": "wecom/张三", "tail": 3}], "people": []}
    await database.transact(lambda connection: writes.execute(connection, rows, shared=database.shared))

    async with database.read() as connection:
        assert 3 == len((await connection.execute(select(inbox.c.id))).all())
        (lane,) = await connection.execute(select(lanes))
        assert ("wecom/张三", 0, "", 3) == (lane.lane, lane.state, lane.owner, lane.tail)
        assert [] == (await connection.execute(select(people))).all()
