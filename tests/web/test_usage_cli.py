"""The verb `webot usage`."""

import asyncio
from pathlib import Path

from storage.engine import open_database
from storage.migrate import migrate
from tests.storage.test_usage import answered
from tests.web.test_cli import webot


async def test_usage_is_a_table_or_csv(tmp_path: Path) -> None:
    assert (
        "model  answers  tokens in  tokens out\n" == (await asyncio.to_thread(webot, "usage", folder=tmp_path)).stdout
    )
    database = await asyncio.to_thread(open_database, f"sqlite:///{tmp_path}/data/webot.db")
    await migrate(database)
    await answered(database, "wecom/ann", "big", (100, 10))
    await database.close()
    table = await asyncio.to_thread(webot, "usage", "--since", "2026-01-01", folder=tmp_path)
    people = await asyncio.to_thread(webot, "usage", "--by", "person", "--csv", folder=tmp_path)

    assert ["big", "1", "100", "10"] == table.stdout.splitlines()[1].split()
    assert "person,answers,tokens in,tokens out\nwecom/ann,1,100,10\n" == people.stdout
