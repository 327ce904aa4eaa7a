"""The bell by which processes on one PostgreSQL wake each other."""

import asyncio

import pytest
from sqlalchemy import text

from storage.database.engine import open_database
from storage.turns.notifications import NotifyListener


@pytest.mark.parametrize(
    "options",
    [
        "",
        "&ssl=disable",
        "&sslmode=prefer&connect_timeout=7&application_name=us",
        "&prepared_statement_cache_size=0",
        "&timeout=7",
    ],
)
async def test_the_bell_is_heard_whatever_the_url_says_to_the_driver(postgres_url: str, options: str) -> None:
    database = await asyncio.to_thread(open_database, postgres_url + options)
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = NotifyListener(database, "us", heard.put_nowait)
    listener.start()
    async with asyncio.timeout(30):
        said = [await heard.get()]
        async with database.write() as connection:
            await connection.execute(text("SELECT pg_notify('webot', 'stop 7')"))
        said.append(await heard.get())
    await listener.stop()
    await database.close()

    assert ["ready", "stop 7"] == said
