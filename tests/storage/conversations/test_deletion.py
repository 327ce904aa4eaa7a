"""What somebody wants forgotten is gone, and nothing of anybody else."""

import asyncio
import os
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text

from exports.chat import ChatExports
from exports.workers.pool import RenderPool
from pipeline.errors import TryAgain, Undeliverable
from pipeline.events import InboundEvent, Person, Text
from pipeline.exports import Everything
from pipeline.lanes import lane_of
from pipeline.replies import StoredMedia, VoicePart
from pipeline.settings import Export
from storage.conversations.audit import deeds
from storage.conversations.deletion import (
    Erased,
    delete_marked_files,
    delete_unreferenced_files,
    find,
    forget,
    forget_old,
    turns_of,
)
from storage.conversations.erasure import Eraser
from storage.conversations.transcript import TranscriptStore
from storage.database.codec import content_to_json, part_to_json
from storage.database.engine import Database, open_database
from storage.database.tables import inbox, metadata, outbox
from storage.jobs.replay_judgements import ComparedRevisions, judge_answer, judgements_of
from storage.media.files import MediaFolder
from storage.turns.worker import Worker
from tests.exports.conversing import converse
from tests.fakes.runs import ScriptedRun

ZHANG = Person("wecom", "zhangsan")
DAY = 86400.0
WORDS = "只有张三知道的事"


@pytest.fixture
def media(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


async def holds(database: Database, words: str) -> list[str]:
    """Name the tables in which words occur."""
    found = []
    async with database.read() as connection:
        for table in metadata.sorted_tables:
            rows = await connection.execute(select(table))
            if any(words in str(value) for row in rows for value in row):
                found.append(table.name)
    return found


async def live(database: Database, media: MediaFolder) -> None:
    """Let two people have conversations, each with pictures, one of which both have."""
    shared = await media.keep(b"\x89PNG both", mime="image/png", name="a.png")
    own = await media.keep(b"\x89PNG own", mime="image/png", name="b.png")
    await converse(database, "zhangsan", [(WORDS, WORDS)] * 3, at=time.time() - 60, pictures=(shared, own))
    await converse(database, "zhangsan", [(WORDS, "好")], at=time.time() - 30, persona=WORDS)
    await converse(database, "lisi", [("李四的事", "好")], at=time.time() - 60, pictures=(shared,))
    exports = await asyncio.to_thread(
        ChatExports,
        database,
        media,
        RenderPool(processes=1, keep=False, seconds=600),
        settings=Export(),
        language="zh",
        idle_minutes=60,
    )
    await exports.export(ZHANG, Everything(), "txt")


async def files(tmp_path: Path) -> int:
    return len(await asyncio.to_thread(lambda: list(tmp_path.rglob("media/??/*"))))


async def test_everything_of_a_person_is_gone_and_nothing_of_others(
    database: Database, media: MediaFolder, tmp_path: Path
) -> None:
    await live(database, media)
    before = await files(tmp_path)
    erased = await forget(database, ZHANG, who="root@host")
    removed = await delete_marked_files(database, media)
    (deed,) = await deeds(database)

    assert Erased(2, 8) == erased
    assert [] == await holds(database, WORDS)
    assert ["conversations", "messages"] == sorted(await holds(database, "李四的事"))
    # The picture both have sent stays.
    assert (3, 2, 1) == (before, removed, await files(tmp_path))
    assert ("forget", "root@host", 2, 8) == (deed.action, deed.who, deed.conversations, deed.messages)


@pytest.mark.parametrize("is_asked", [True, False])
async def test_what_colleagues_think_of_answers_to_questions_that_are_gone_goes_too(
    database: Database, *, is_asked: bool
) -> None:
    await converse(database, "zhangsan", [("a", "b")] * 3, at=time.time() - 40 * DAY)
    compared = ComparedRevisions("default", "1", "2")
    for trace in (3, 7):
        await judge_answer(database, compared, trace, "better", by="ann")
    await (forget(database, ZHANG, who="ann") if is_asked else forget_old(database, days=30))

    assert [7] == [each.trace for each in await judgements_of(database, compared)]


async def test_the_turns_of_a_person_are_found_by_an_index_not_among_all(database: Database) -> None:
    many = [
        {"id": n, "key": f"k{n}", "lane": f"wecom/u{n}", "n": 1, "channel": "wecom", "user": f"u{n}"}
        | {"content": "{}", "sent_at": 0.0, "accepted_at": 0.0, "state": "done"}
        for n in range(1, 2001)
    ]
    async with database.write() as connection:
        await connection.execute(insert(inbox), many)
        if database.shared:
            await connection.execute(text("ANALYZE inbox"))
        wanted = select(inbox.c.id).where(turns_of(Person("wecom", "u7")))
        explain = "EXPLAIN " if database.shared else "EXPLAIN QUERY PLAN "
        compiled = wanted.compile(connection.engine.sync_engine, compile_kwargs={"literal_binds": True})
        plan = " ".join(str(row) for row in await connection.execute(text(explain + str(compiled))))
        found = (await connection.execute(wanted)).scalars().all()

    assert [7] == found
    assert "uq_inbox_lane_n" in plan or "sqlite_autoindex_inbox" in plan
    assert "SCAN inbox" not in plan


async def test_what_is_deleted_is_written_over(tmp_path: Path) -> None:
    opened = await asyncio.to_thread(open_database, f"sqlite:///{tmp_path}/webot.db")
    kept = []

    def look(connection: Connection) -> None:
        kept.append(connection.execute(text("PRAGMA secure_delete")).scalar_one())

    try:
        async with opened.write() as connection:
            await connection.run_sync(look)
        async with opened.read() as connection:
            await connection.run_sync(look)
        await opened.transact(look)
    finally:
        await opened.close()

    assert [1, 1, 1] == kept


async def test_the_log_is_emptied_once_nobody_reads(tmp_path: Path) -> None:
    opened = await asyncio.to_thread(open_database, f"sqlite:///{tmp_path}/webot.db")
    log = tmp_path / "webot.db-wal"

    def hold() -> sqlite3.Connection:
        reader = sqlite3.connect(tmp_path / "webot.db", isolation_level=None, check_same_thread=False)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchall()
        return reader

    try:
        async with opened.write() as connection:
            await connection.execute(text("CREATE TABLE t (it TEXT)"))
        reader = await asyncio.to_thread(hold)
        async with opened.write() as connection:
            await connection.execute(text("INSERT INTO t VALUES ('it')"))
        while_read = await opened.empty_log()
        await asyncio.to_thread(reader.close)
        afterwards = await opened.empty_log()
        size = await asyncio.to_thread(lambda: log.stat().st_size)
    finally:
        await opened.close()

    assert (False, True, 0) == (while_read, afterwards, size)


async def test_a_person_is_found_by_id_on_each_channel(database: Database) -> None:
    for channel in ("hr", "wecom"):
        await converse(database, "zhangsan", [("a", "b")], at=time.time(), channel=channel)

    assert [Person("hr", "zhangsan"), ZHANG] == list(await find(database, "ZhangSan"))
    assert [] == list(await find(database, "wangwu"))


async def test_whoever_is_being_answered_is_not_forgotten_meanwhile(database: Database) -> None:
    worker = Worker(database, most=1, drain_seconds=5)
    run = ScriptedRun(worker)
    await worker.start(run)
    try:
        await worker.accept(said(f"hold {WORDS}", "1"), lane=lane_of(ZHANG))
        await run.until_asked(1)
        with pytest.raises(TryAgain, match="is being answered now"):
            await forget(database, ZHANG, who="root@host")
        run.gate.set()
        await run.until_sent(1)
        await worker.drain()
        await forget(database, ZHANG, who="root@host")
    finally:
        await worker.close()

    assert [] == await holds(database, WORDS)


def said(words: str, key: str) -> InboundEvent:
    return InboundEvent(key, ZHANG, Text(words), datetime.now(UTC))


async def test_what_is_old_goes_with_its_files(database: Database, media: MediaFolder, tmp_path: Path) -> None:
    now = time.time()
    old = await media.keep(b"\x89PNG", mime="image/png", name="a.png")
    await converse(database, "zhangsan", [("旧问", "旧答")] * 600, at=now - 40 * DAY, going_on=False, pictures=(old,))
    await converse(database, "zhangsan", [("新问", "新答")], at=now - 2 * DAY)
    erased = await forget_old(database, days=30)
    await delete_marked_files(database, media)
    (deed,) = await deeds(database)

    assert Erased(1, 1200) == erased
    assert [] == await holds(database, "旧")
    assert ["conversations", "messages"] == sorted(await holds(database, "新问"))
    assert 0 == await files(tmp_path)
    assert ("retention", "webot", {"days": 30}) == (deed.action, deed.who, deed.details)


async def test_a_conversation_that_is_open_is_closed_before_it_goes(database: Database) -> None:
    await converse(database, "zhangsan", [("旧问", "旧答")], at=time.time() - 40 * DAY)
    rounds = [await forget_old(database, days=30) for _ in range(3)]

    assert [Erased(0, 2), Erased(1, 0), Erased(0, 0)] == rounds
    assert [] == await holds(database, "旧问")


async def test_a_long_conversation_keeps_its_latest_exchanges_and_goes_on(database: Database) -> None:
    talk = await converse(database, "zhangsan", [(f"问{n}", f"答{n}") for n in range(4)], at=time.time() - DAY)
    async with database.write() as connection:
        aged = (
            "UPDATE messages SET created_at = created_at - 90 * 86400 WHERE turn < 3 OR (turn = 3 AND role = 'human')"
        )
        await connection.execute(text(aged))
        await connection.execute(
            text("UPDATE conversations SET started_at = started_at - 90 * 86400 WHERE id = :id"), {"id": talk}
        )
    erased = await forget_old(database, days=30)
    known = await TranscriptStore(database).load(ZHANG, turns=10, idle_minutes=0)
    async with database.read() as connection:
        (title,) = (await connection.execute(text("SELECT title FROM conversations"))).scalars()

    assert Erased(0, 4) == erased
    assert "问2" == title
    assert ["问2", "问3"] == [exchange.question for exchange in known.exchanges]
    assert Erased(0, 0) == await forget_old(database, days=30)


async def test_turns_that_ended_long_ago_keep_nothing_of_what_was_said(database: Database, media: MediaFolder) -> None:
    voice = await media.keep(b"#!AMR\n", mime="audio/amr", name="voice.amr")
    common = {"lane": "wecom/zhangsan", "channel": "wecom", "user": "zhangsan", "sent_at": 0.0, "accepted_at": 0.0}
    ended = {"failed": 40, "undelivered": 39, "done": 2}
    turns = [
        common
        | {"id": n, "key": f"k{n}", "n": n, "content": content_to_json(Text(f"{state}的事"))}
        | {"state": state, "failure": "?", "ended_at": time.time() - days * DAY}
        for n, (state, days) in enumerate(ended.items(), 1)
    ]
    part = {"person": str(ZHANG), "part": part_to_json(VoicePart(voice))}
    async with database.write() as connection:
        await connection.execute(insert(inbox), turns)
        await connection.execute(insert(outbox), [part | {"turn_id": n, "place": 0} for n in (1, 2)])
    await forget_old(database, days=30)
    await delete_marked_files(database, media)

    assert ["inbox"] == await holds(database, "done的事")
    assert [[], [], []] == [await holds(database, words) for words in ("failed的事", "undelivered的事", voice.sha256)]
    with pytest.raises(Undeliverable):
        await media.read(voice)


async def test_files_that_nothing_refers_to_go_after_some_days(
    database: Database, media: MediaFolder, tmp_path: Path
) -> None:
    async def store(data: bytes, days_ago: float) -> StoredMedia:
        kept = await media.keep(data, mime="audio/amr", name="voice.amr")
        at = time.time() - days_ago * DAY
        await asyncio.to_thread(os.utime, tmp_path / "media" / kept.sha256[:2] / kept.sha256, (at, at))
        return kept

    _, asked, fresh = await store(b"heard", 4), await store(b"asked about", 90), await store(b"being heard", 2)
    await converse(database, "zhangsan", [("问", "答")], at=time.time() - 90 * DAY, pictures=(asked,))

    assert 1 == await delete_unreferenced_files(database, media)
    assert [b"asked about", b"being heard"] == [await media.read(each) for each in (asked, fresh)]


async def test_files_nobody_refers_to_go_with_a_person_who_is_forgotten_but_not_those_a_turn_may_need(
    database: Database, media: MediaFolder, tmp_path: Path
) -> None:
    async def store(data: bytes, seconds_ago: float) -> StoredMedia:
        kept = await media.keep(data, mime="audio/amr", name="voice.amr")
        at = time.time() - seconds_ago
        await asyncio.to_thread(os.utime, tmp_path / "media" / kept.sha256[:2] / kept.sha256, (at, at))
        return kept

    theirs, shown = await store(b"their recording", 600), await store(b"a colleague's picture", 600)
    await converse(database, "zhangsan", [("问", "答")], at=time.time())
    await converse(database, "lisi", [("问", "答")], at=time.time(), pictures=(shown,))
    worker = Worker(database, most=1, drain_seconds=5)
    run = ScriptedRun(worker)
    await worker.start(run)
    try:
        colleague = InboundEvent("k1", Person("wecom", "lisi"), Text("hold on"), datetime.now(UTC))
        await worker.accept(colleague, lane=lane_of(colleague.sender))
        await run.until_asked(1)
        needed = await store(b"what the colleague says now", 0)
        await forget(database, ZHANG, who="zhangsan")
        await Eraser(database, tmp_path).finish()
        left = [await media.read(each) for each in (shown, needed)]
        run.gate.set()
    finally:
        await worker.close()

    assert [b"a colleague's picture", b"what the colleague says now"] == left
    with pytest.raises(Undeliverable):
        await media.read(theirs)
