"""Databases at the newest schema: copies of one that was migrated once in this test process, or emptied ones."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

import asyncpg

from storage.database.engine import Database, open_database
from storage.database.migrate import migrate

_TEMPLATE = "webot_migrated"

_END_OTHERS = """
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_get_activity(NULL)
    WHERE datid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
"""
_CATALOGS = (
    "pg_attrdef",
    "pg_attribute",
    "pg_class",
    "pg_constraint",
    "pg_db_role_setting",
    "pg_event_trigger",
    "pg_extension",
    "pg_index",
    "pg_namespace",
    "pg_proc",
    "pg_publication",
    "pg_rewrite",
    "pg_statistic",
    "pg_trigger",
    "pg_type",
)
_COUNTS = ", ".join(f"(SELECT (count(*), sum(xmin::text::bigint)) FROM {each})" for each in _CATALOGS)  # noqa: S608
_CATALOG = f"SELECT concat_ws(' ', {_COUNTS}, (SELECT xmin FROM pg_database WHERE datname = current_database()))"  # noqa: S608
"""Differs once more than rows has changed: then rows of the catalogs have other transactions' numbers."""
_WITH_PAGES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
"""
_EMPTY = f"""
    DO $$
    DECLARE
        tables text;
    BEGIN
        SELECT string_agg(quote_ident(relname), ', ') INTO tables FROM ({_WITH_PAGES}) filled;
        EXECUTE 'TRUNCATE ' || tables || ' CASCADE';
        PERFORM setval(format('%I.%I', schemaname, sequencename), start_value, false)
        FROM pg_sequences WHERE last_value IS NOT NULL;
    END $$
"""  # noqa: S608
_PLANT = "INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, $1::json)"


def place_migrated_file(path: Path) -> None:
    """Write an empty SQLite file of the newest schema where there is none yet; not for the event loop."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_migrated_file())
    # As webot makes its own.
    path.chmod(0o600)


async def open_migrated_file(path: Path) -> Database:
    """Open a SQLite file of the newest schema, empty where there was none."""
    await asyncio.to_thread(place_migrated_file, path)
    return await asyncio.to_thread(open_database, f"sqlite:///{path}")


class PostgresDatabases:
    """The databases of one server that its tests use, one after the other.

    One of the newest schema is emptied for the next test, which takes a tenth of the CPU of a copy; where a test has
    changed more than rows, and for an empty one, it is made anew.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._kept = ""
        self._catalog = ""
        self._done: list[str] = []

    async def provide(self, *, migrated: bool) -> str:
        """Return the name of a database nobody else has: empty, or of the newest schema."""
        if migrated and self._kept:
            if await self._empty(self._kept):
                return self._kept
            self._done.append(self._kept)
            self._kept = ""
        name = f"webot_{token_hex(6)}"
        await create_postgres_database(self._server, name, migrated=migrated, done=self._done)
        self._done = [] if migrated else [name]
        if migrated:
            self._kept = name
            async with _connection(self._server, name) as connection:
                self._catalog = str(await connection.fetchval(_CATALOG))
        return name

    async def _empty(self, name: str) -> bool:
        """Bring a database back to how it was made; return False where that takes more than its rows."""
        try:
            async with _connection(self._server, name) as connection, connection.transaction():
                await connection.execute(_END_OTHERS)
                if self._catalog != await connection.fetchval(_CATALOG):
                    return False
                await connection.execute(_EMPTY)
                for table, rows in _seeds(self._server).items():
                    await connection.execute(_PLANT.format(table=table), rows)
                self._catalog = str(await connection.fetchval(_CATALOG))
        except (asyncpg.PostgresError, OSError):  # dropped, renamed, or closed to everybody
            return False
        return True


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


@cache
def _seeds(server: str) -> Mapping[str, str]:
    """Return the rows that migrations wrote, as JSON by table."""

    async def read() -> Mapping[str, str]:
        async with _connection(server, _TEMPLATE) as connection:
            tables = [str(row["relname"]) for row in await connection.fetch(_WITH_PAGES)]
            return {each: str(await connection.fetchval(f"SELECT json_agg(t) FROM {each} t")) for each in tables}  # noqa: S608

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, read()).result()


def _migrate(url: str) -> None:
    async def bring() -> None:
        database = await asyncio.to_thread(open_database, url)
        await migrate(database)
        await database.close()

    # A thread, because the caller's may have a loop that runs.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, bring()).result()


async def _execute(server: str, *statements: str) -> None:
    async with _connection(server, "postgres") as connection:
        for statement in statements:
            await connection.execute(statement)


@asynccontextmanager
async def _connection(server: str, name: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(host=server, user="postgres", database=name)
    try:
        yield connection
    finally:
        await connection.close()
