"""`webot migrate`: the schema is brought up, and nobody's file is touched behind its owner's back."""

import asyncio
from pathlib import Path

import pytest

from storage.database.migrate import HEAD
from tests.service import running_service
from tests.web.shell import Ran, webot


def test_an_empty_database_gets_its_schema_and_the_second_time_there_is_nothing_to_do(tmp_path: Path) -> None:
    first = asyncio.run(webot("migrate", folder=tmp_path))
    second = asyncio.run(webot("migrate", folder=tmp_path))

    assert Ran(0, f"结构 无 -> {HEAD}\n", "") == first
    assert Ran(0, f"结构 {HEAD}：已是最新\n", "") == second
    assert (tmp_path / "data" / "webot.db").is_file()


@pytest.mark.usefixtures("no_schema")
def test_a_postgresql_database_gets_its_schema(tmp_path: Path, postgres_url: str) -> None:
    ran = asyncio.run(webot("migrate", folder=tmp_path, environ={"WEBOT_STORAGE__DATABASE_URL": postgres_url}))

    assert Ran(0, f"结构 无 -> {HEAD}\n", "") == ran


async def test_a_file_in_use_is_refused(tmp_path: Path) -> None:
    environ = {"WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db"}
    async with running_service(tmp_path, environ):
        ran = await webot("migrate", folder=tmp_path, environ=environ)

    assert (1, "") == (ran.code, ran.out)
    assert ran.err.startswith("webot: 另一个 webot 进程正在使用 ")


def test_a_database_that_is_away_is_one_line(tmp_path: Path) -> None:
    environ = {"WEBOT_STORAGE__DATABASE_URL": "postgresql://webot:opensesame@127.0.0.1:9/webot"}
    ran = asyncio.run(webot("migrate", folder=tmp_path, environ=environ))

    assert (1, "") == (ran.code, ran.out)
    assert 1 == ran.err.count("\n")
    assert "opensesame" not in ran.err
