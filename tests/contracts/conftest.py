"""The implementations that a port's contract is asked of: its fake, and the real one on both databases."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.database.engine import Database, open_database
from storage.database.migrate import migrate
from tests.databases import place_migrated_file


@pytest.fixture(params=["the fake", "SQLite", "PostgreSQL"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database, empty for the fake."""
    match request.param:
        case "the fake":
            return ""
        case "SQLite":
            place_migrated_file(tmp_path / "webot.db")
            return f"sqlite+aiosqlite:///{tmp_path}/webot.db"
        case _:
            return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def contract_database(url: str) -> AsyncIterator[Database | None]:
    """Open the database at the newest schema; None for the fake."""
    if not url:
        yield None
        return
    database = await asyncio.to_thread(open_database, url)
    await asyncio.to_thread(database.own)
    await migrate(database)
    yield database
    await database.close()
