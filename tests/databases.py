"""Databases at the newest schema: each a copy of one that was migrated once in this test process."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from storage.database.engine import Database, open_database
from storage.database.migrate import migrate

_TEMPLATE = "webot_migrated"


def place_migrated_file(path: Path) -> None:
    """Write an empty SQLite file of the newest schema where there is none yet; not for the event loop."""
    if path.exists():
        return
    path.write_bytes(_migrated_file())
    # As webot makes its own.
    path.chmod(0o600)


async def create_postgres_database(server: str, name: str, *, migrated: bool, done: Sequence[str] = ()) -> None:
    """Create a database on a server, empty or of the newest schema; drop those that are done with."""
    template = "template1"
    if migrated:
        template = _TEMPLATE
        await asyncio.to_thread(_make_template, server)
    # Files are copied in half the time of pages that are logged, where nothing waits for the disk; and what is
    # dropped soon is never written there: a thousand databases are 9 GB.
    drops = [f"DROP DATABASE IF EXISTS {each} WITH (FORCE)" for each in done]
    await _execute(server, *drops, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")


@asynccontextmanager
async def owned_database(url: str) -> AsyncIterator[Database]:
    """Open a database at the newest schema, as the process that owns it does."""
    opened = await asyncio.to_thread(open_database, url)
    await asyncio.to_thread(opened.own)
    await migrate(opened)
    yield opened
    await opened.close()


def postgres_url_of(server: str, name: str) -> str:
    """Return the address of a database on a server that is reached through a socket in its folder."""
    return f"postgresql+asyncpg://postgres@/{name}?host={server}"


@cache
def _migrated_file() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder, "webot.db")
        _migrate(f"sqlite+aiosqlite:///{file}")
        return file.read_bytes()


@cache
def _make_template(server: str) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _execute(server, f"CREATE DATABASE {_TEMPLATE}")).result()
    _migrate(postgres_url_of(server, _TEMPLATE))


def _migrate(url: str) -> None:
    async def bring() -> None:
        database = await asyncio.to_thread(open_database, url)
        await migrate(database)
        await database.close()

    # A thread, because the caller's may have a loop that runs.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, bring()).result()


async def _execute(server: str, *statements: str) -> None:
    connection = await asyncpg.connect(host=server, user="postgres", database="postgres")
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
