"""The schema's steps lead to the schema the code expects, on both databases, and never backwards by accident."""

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from storage.engine import Database, open_database
from storage.migrate import HEAD, Migrated, SchemaTooNew, migrate, version
from storage.tables import metadata


def differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def test_the_steps_lead_to_the_schema_the_code_expects(database: Database) -> None:
    async with database.read() as connection:
        assert [] == await connection.run_sync(differences)


async def test_the_second_start_finds_nothing_to_do(database: Database) -> None:
    assert Migrated(HEAD, HEAD) == await migrate(database)
    assert HEAD == await version(database)


async def test_processes_that_start_together_take_the_steps_once(postgres_url: str) -> None:
    several = [await asyncio.to_thread(open_database, postgres_url) for _ in range(3)]
    migrated = await asyncio.gather(*(migrate(one) for one in several))
    for one in several:
        await one.close()

    assert ["", HEAD, HEAD] == sorted(one.before for one in migrated)


async def test_a_database_of_a_later_webot_is_refused(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match=r"'9999'.*start the newer version"):
        await migrate(database)


def test_the_latest_step_is_the_one_the_code_names() -> None:
    steps = sorted(path.name for path in Path("storage/migrations/versions").glob("[0-9]*.py"))

    assert HEAD == steps[-1].partition("_")[0]
