"""Whether a service works on a database from this machine."""

import asyncio
from pathlib import Path
from threading import Event

from sqlalchemy import update

from storage.database.access import service_is_running
from storage.database.engine import open_database
from storage.database.migrate import migrate
from storage.database.tables import workers
from storage.turns.worker import Worker
from tests.fakes.runs import ScriptedRun


async def test_a_service_is_seen_while_it_works(database_url: str) -> None:
    service, visitor = [await asyncio.to_thread(open_database, database_url) for _ in range(2)]
    await migrate(service)
    seen = [await service_is_running(visitor)]
    await asyncio.to_thread(service.own)
    worker = Worker(service, most=1, drain_seconds=1.0)
    await worker.start(ScriptedRun(worker))
    seen.append(await service_is_running(visitor))
    await worker.close()
    await service.close()
    seen.append(await service_is_running(visitor))
    await visitor.close()

    assert [False, True, False] == seen


async def test_a_service_elsewhere_and_one_that_is_dead_are_not_seen(postgres_url: str) -> None:
    database = await asyncio.to_thread(open_database, postgres_url)
    await migrate(database)
    worker = Worker(database, most=1, drain_seconds=1.0)
    await worker.start(ScriptedRun(worker))
    seen = []
    for changed in ({"host": "another.example"}, {"host": workers.c.host, "expires_at": 1.0}):
        async with database.write() as connection:
            await connection.execute(update(workers).values(changed))
        seen.append(await service_is_running(database))
    await worker.close()
    await database.close()

    assert [False, False] == seen


async def test_looking_keeps_no_service_from_starting(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/webot.db"
    visitor = await asyncio.to_thread(open_database, url)
    over = Event()

    def look() -> None:
        while not over.is_set():
            visitor.is_owned()

    looking = asyncio.create_task(asyncio.to_thread(look))
    for _ in range(20):
        service = await asyncio.to_thread(open_database, url)
        await asyncio.to_thread(service.own)
        await service.close()
    over.set()
    await looking
    await visitor.close()
