"""What every test may ask for: databases of both kinds, and a loop that nothing may block."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpcore2  # noqa: F401 -- httpx2 imports it at its first use, which may be on the event loop
import hypothesis
import pytest
import structlog
from blockbuster import BlockBuster

from chains.models import registry
from storage.database.engine import Database, open_database
from storage.database.migrate import migrate
from tests.databases import PostgresDatabases, owned_database, place_migrated_file, postgres_url_of
from tests.fakes.postgres import start_postgres, stop_postgres

# A client reads all authorities whenever it is made, a hundred and more; no test needs a second.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "fakes" / "authority.pem")

# Collecting makes objects that all stay, for eight thousand tests: searching them for garbage was a third of it.
gc.disable()

# Logs are read when a test fails. With the values of variables a traceback took 125 ms of CPU; it takes half of one.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback

# A test that would call a real model by mistake is told so.
registry.ALLOW_REAL_MODELS = False

# A shared machine is slow at times; that is no failure of the property.
# The same examples for the same code in CI, where nobody looks for a new one; at a desk each run tries others.
hypothesis.settings.register_profile("webot", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("webot")


def pytest_collection_finish() -> None:
    """Collect garbage from now on, what was made for the tests excluded."""
    gc.freeze()
    # Most of what a test makes is freed without a search, and at 700 objects, as usual, each test is searched often.
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


@pytest.fixture(scope="session")
def detector() -> BlockBuster:
    """Find calls of our code that block; made once, because it is as dear as a small test."""
    buster = BlockBuster(["adapters", "chains", "exports", "pipeline", "storage", "web"])
    for function in buster.functions.values():
        # At the start nobody waits yet, and at the end nobody any more.
        function.can_block_in("web/logs/setup.py", {"close"})
        function.can_block_in("storage/database/migrate.py", {"upgrade"})
        function.can_block_in("web/http/listeners.py", {"bind"})
        # Certificates are read when a client is made: at the start, in a thread of its own.
        function.can_block_in("httpx2/_config.py", {"create_ssl_context"})
        # It looks for a password file and certificates when it connects, which is seldom.
        function.can_block_in("asyncpg/connect_utils.py", {"_parse_connect_dsn_and_args"})
        # A traceback quotes the source: something has broken already.
        function.can_block_in("linecache.py", {"checkcache", "updatecache"})
        function.can_block_in("rich/traceback.py", {"_render_stack"})
        # A verb's loop has nobody else to serve.
        function.can_block_in("tests/web/shell.py", {"run_verb"})
    return buster


@pytest.fixture(autouse=True)
def unblocked_loop(detector: BlockBuster) -> Iterator[None]:
    """Fail a test in which our code blocks the event loop."""
    detector.activate()
    yield
    detector.deactivate()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL of this test process's own, reached through a socket in its folder."""
    server = start_postgres(durable=False)
    yield str(server.pgdata)
    stop_postgres(server)


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str) -> PostgresDatabases:
    """The databases on it that tests use one after the other."""
    return PostgresDatabases(postgres_server)


@pytest.fixture
def no_schema() -> None:
    """Have the test's database empty, as it is before webot's first start."""


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest, postgres_server: str, postgres_databases: PostgresDatabases) -> str:
    """A database on the real server, at the newest schema."""
    name = asyncio.run(postgres_databases.provide(migrated=_has_schema(request)))
    return postgres_url_of(postgres_server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, at the newest schema."""
    if request.param == "sqlite":
        if _has_schema(request):
            place_migrated_file(tmp_path / "webot.db")
        return f"sqlite+aiosqlite:///{tmp_path}/webot.db"
    return str(request.getfixturevalue("postgres_url"))


def _has_schema(request: pytest.FixtureRequest) -> bool:
    return "no_schema" not in request.fixturenames


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Database]:
    """An open PostgreSQL at the newest schema, for what only it does."""
    opened = await asyncio.to_thread(open_database, postgres_url)
    await migrate(opened)
    yield opened
    await opened.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database of each kind, at the newest schema."""
    async with owned_database(database_url) as opened:
        yield opened
