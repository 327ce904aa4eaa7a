"""A database that is given again is as it was made, whatever the test before has done with it."""

import asyncpg
import pytest

from tests.databases import PostgresDatabases

STATE = """
    SELECT (SELECT json_agg(t) FROM alembic_version t), (SELECT json_agg(t) FROM search_index t),
    (SELECT json_agg(relname ORDER BY relname) FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0),
    (SELECT json_agg(sequencename) FROM pg_sequences WHERE last_value IS NOT NULL)
"""
ROWS = (
    "INSERT INTO legacy_imports VALUES ('a', 1)",
    "UPDATE alembic_version SET version_num = '0001'",
    "DELETE FROM search_index",
    "SELECT nextval('messages_id_seq')",
)


@pytest.fixture(scope="module")
def databases(postgres_server: str) -> PostgresDatabases:
    return PostgresDatabases(postgres_server)


async def state_of(server: str, name: str, *done: str) -> str:
    connection = await asyncpg.connect(host=server, user="postgres", database=name)
    try:
        for each in done:
            await connection.execute(each.format(name=name))
        return str(await connection.fetchrow(STATE))
    finally:
        await connection.close()


async def test_rows_and_numbers_of_rows_are_as_before(postgres_server: str, databases: PostgresDatabases) -> None:
    name = await databases.provide(migrated=True)
    made = await state_of(postgres_server, name)
    changed = await state_of(postgres_server, name, *ROWS)

    assert name == await databases.provide(migrated=True)
    assert made == await state_of(postgres_server, name)
    assert made != changed


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE more (a int)",
        "ALTER TABLE jobs RENAME TO away",
        "ALTER TABLE inbox ADD CONSTRAINT refuse CHECK (content <> '')",
        "DROP INDEX ix_inbox_state",
        "ANALYZE alembic_version",
        "ALTER DATABASE {name} SET default_transaction_read_only = on",
        "ALTER DATABASE {name} CONNECTION LIMIT 0",
        "GRANT SELECT ON inbox TO PUBLIC",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1",
    ],
)
async def test_one_whose_schema_is_another_is_not_given_again(
    postgres_server: str, databases: PostgresDatabases, change: str
) -> None:
    name = await databases.provide(migrated=True)
    made = await state_of(postgres_server, name)
    await state_of(postgres_server, name, change)

    other = await databases.provide(migrated=True)

    assert name != other
    assert made == await state_of(postgres_server, other)


async def test_nobody_else_is_in_it(postgres_server: str, databases: PostgresDatabases) -> None:
    name = await databases.provide(migrated=True)
    left = await asyncpg.connect(host=postgres_server, user="postgres", database=name)
    await left.execute("BEGIN; LOCK TABLE inbox")

    assert name == await databases.provide(migrated=True)
    assert left.is_closed()
