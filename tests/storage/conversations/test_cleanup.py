"""What is old and done goes, with its parts; what failed stays until somebody deals with it."""

from math import inf
from pathlib import Path
from time import time

import pytest
from sqlalchemy import func, insert, select

from storage.conversations.cleanup import CleanupTask
from storage.database.engine import Database
from storage.database.tables import inbox, outbox
from storage.media.files import MediaFolder

DAY = 24 * 3600.0


def ended(n: int, state: str, days_ago: float | None) -> dict[str, object]:
    at = None if days_ago is None else time() - days_ago * DAY
    common = {"id": n, "key": f"k{n}", "lane": "wecom/z", "n": n, "channel": "wecom", "user": "z", "content": "{}"}
    return common | {"sent_at": 0.0, "accepted_at": 0.0, "state": state, "ended_at": at}


@pytest.fixture
async def filled(database: Database) -> Database:
    turns = [ended(1, "done", 8), ended(2, "done", 6), ended(3, "failed", 30), ended(4, "waiting", None)]
    async with database.write() as connection:
        await connection.execute(insert(inbox), [*turns, *(ended(n, "done", 9) for n in range(100, 2600))])
        await connection.execute(insert(outbox), [{"turn_id": 1, "place": 0, "person": "wecom/z", "part": "{}"}])
    return database


async def test_what_is_old_and_done_goes_with_its_parts(filled: Database, tmp_path: Path) -> None:
    removed = await CleanupTask(filled, MediaFolder(tmp_path), keep_days=7, keep_media_days=0).clean()
    async with filled.read() as connection:
        left = (await connection.execute(select(inbox.c.id).order_by(inbox.c.id))).scalars().all()
        parts = (await connection.execute(select(func.count()).select_from(outbox))).scalar_one()

    assert 2501 == removed
    assert [2, 3, 4] == left
    assert 0 == parts


async def test_a_key_stays_while_the_event_it_refuses_would_be_answered(database: Database, tmp_path: Path) -> None:
    young = ended(1, "done", 8) | {"sent_at": time() - 6 * DAY}
    ahead = ended(2, "done", 8) | {"sent_at": time() + DAY}
    async with database.write() as connection:
        await connection.execute(insert(inbox), [young, ahead, ended(3, "done", 8)])
    removed = await CleanupTask(database, MediaFolder(tmp_path), keep_days=7, keep_media_days=0).clean()

    assert 1 == removed


async def test_until_when_keys_are_gone_is_kept_and_never_goes_back(database: Database, tmp_path: Path) -> None:
    now = time()

    async def keyless_until(*turns: dict[str, object]) -> float:
        if turns:
            async with database.write() as connection:
                await connection.execute(insert(inbox), list(turns))
        task = CleanupTask(database, MediaFolder(tmp_path), keep_days=7, keep_media_days=0)
        await task.clean()
        again = CleanupTask(database, MediaFolder(tmp_path), keep_days=30, keep_media_days=0)
        await again.load()
        assert task.keyless_until == again.keyless_until
        return again.keyless_until

    none_yet = await keyless_until()
    first = await keyless_until(ended(1, "done", 8) | {"sent_at": now - 9 * DAY}, ended(2, "done", 1))
    older = await keyless_until(ended(3, "done", 12) | {"sent_at": now - 12 * DAY})

    assert -inf == none_yet
    assert now - 9 * DAY == first == older
