"""Connections to PostgreSQL without a pooler between."""

from sqlalchemy import func, select, text

from storage.database.engine import Database
from storage.database.tables import inbox


async def test_a_statement_is_parsed_once_for_each_connection(postgres: Database) -> None:
    wanted = select(func.count()).select_from(inbox)
    prepared = text(
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT count(*)%inbox' AND name <> ''"
    )
    async with postgres.read() as connection:
        for _ in range(3):
            await connection.execute(wanted)

        assert 1 == (await connection.execute(prepared)).scalar_one()
