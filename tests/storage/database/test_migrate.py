"""The schema's steps lead to the schema the code expects, on both databases, and never backwards by accident."""

import asyncio
from datetime import date, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, select, text

from storage.database.engine import Database, open_database
from storage.database.migrate import HEAD, Migrated, SchemaTooNew, migrate, upgrade, version
from storage.database.tables import metadata, spending
from storage.usage.batch import number_of


def differences(connection: Connection) -> list[object]:
    # The index of words is each database's own, and no table of the metadata.
    options = {"include_name": lambda name, kind, _: kind != "table" or not str(name).startswith("exchange_terms")}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


async def test_the_steps_lead_to_the_schema_the_code_expects(database: Database) -> None:
    async with database.read() as connection:
        assert [] == await connection.run_sync(differences)


async def test_the_second_start_finds_nothing_to_do(database: Database) -> None:
    assert Migrated(HEAD, HEAD) == await migrate(database)
    assert HEAD == await version(database)


@pytest.mark.usefixtures("no_schema")
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


@pytest.mark.usefixtures("no_schema")
async def test_answers_from_before_there_were_sums_are_added_up(database_url: str) -> None:
    database = await asyncio.to_thread(open_database, database_url)
    noon = datetime(2026, 11, 22, 12).astimezone().timestamp()
    late = datetime(2026, 11, 22, 23, 59, 59).astimezone().timestamp()
    async with database.write() as connection:
        await connection.run_sync(upgrade, "0005")
        await connection.execute(
            text(
                "INSERT INTO conversations (id, person, number, title, persona, turns, started_at, last_at) "
                "VALUES (1, 'wecom/ann', 1, '', '', 3, 0, 0)"
            )
        )
        for role, model, at in (("human", "", noon), ("ai", "m", noon), ("ai", "m", late), ("ai", "", noon)):
            await connection.execute(
                text(
                    "INSERT INTO messages (conversation_id, turn, role, content, media, created_at, trace, chain, "
                    "revision, model, input_tokens, output_tokens, milliseconds) "
                    "VALUES (1, 1, :role, '', '[]', :at, 1, 'default', '', :model, 10, 2, 0)"
                ),
                {"role": role, "model": model, "at": at},
            )
    await migrate(database)
    async with database.read() as connection:
        rows = [tuple(row) for row in await connection.execute(select(spending))]
    await database.close()

    assert [("wecom/ann", number_of(date(2026, 11, 22)), "default", "m", 2, 20, 4, 0, 0)] == rows
