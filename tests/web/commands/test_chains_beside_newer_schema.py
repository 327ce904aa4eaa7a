"""Chains can be tried and tested beside a database that a newer webot has migrated: neither needs one."""

import asyncio
from pathlib import Path

from storage.database.engine import open_database
from storage.database.migrate import migrate
from tests.fakes.openai_server import OpenAIServer
from tests.storage.test_newer_schema import become_newer
from tests.web.commands.test_chains import draft, ran


async def test_chains_are_tried_and_tested_beside_a_newer_schema(tmp_path: Path) -> None:
    database = await asyncio.to_thread(open_database, f"sqlite+aiosqlite:///{tmp_path}/data/webot.db")
    await migrate(database)
    await become_newer(database)
    await database.close()

    def work(environ: dict[str, str]) -> tuple[str, str]:
        draft(tmp_path)
        return ran(tmp_path, "try", "hr", "请假", environ=environ), ran(tmp_path, "test", "hr", environ=environ)

    async with OpenAIServer() as server:
        environ = {"WEBOT_MODELS__DEFAULT__MODEL": "m", "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url}
        tried, tested = await asyncio.to_thread(work, environ)

    assert "echo: 请假" in tried
    assert "1 of 1 passed" in tested
