"""The verb `webot usage`."""

import asyncio
from pathlib import Path

import pytest

from tests.databases import open_migrated_file
from tests.storage.usage.test_report import FRIDAY, answered
from tests.web.shell import webot

HEAD = '"person","answers","tokens in","tokens out","cost (EUR)"\n'


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A deployment in which some answers were given."""
    (tmp_path / "settings.local.toml").write_text('[budgets]\ncurrency = "EUR"\n')
    database = await open_migrated_file(tmp_path / "data" / "webot.db")
    await answered(database, "wecom/ann", "big", (100_000, 10, 1_234_567), FRIDAY)
    await answered(database, "wecom/ann", "small", (100, 10, 0))
    await answered(database, "=cmd()", "small", (1, 1, 0))
    await database.close()
    return tmp_path


async def printed(*args: str, folder: Path) -> str:
    return (await webot("usage", *args, folder=folder)).out


async def test_before_anything_was_said_there_is_only_the_head(tmp_path: Path) -> None:
    assert ["模型", "回答", "输入", "token", "输出", "token", "费用（元）"] == (await printed(folder=tmp_path)).split()


async def test_usage_is_a_table_with_a_sum(folder: Path) -> None:
    assert [
        "模型   回答  输入 token  输出 token  费用（欧元）",
        "big       1     100,000          10        1.2346",
        "small     2         101          11        0.0000",
        "合计      3     100,101          21        1.2346",
    ] == (await printed(folder=folder)).splitlines()


async def test_usage_is_csv_that_no_spreadsheet_runs(folder: Path) -> None:
    wanted = HEAD + '"wecom/ann","2","100100","20","1.234567"\n"\'=cmd()","1","1","1","0.000000"\n'
    await printed("--by", "person", "--csv", "usage.csv", folder=folder)

    assert wanted == await printed("--by", "person", "--csv", folder=folder)
    assert wanted == await printed("--by", "person", "--csv", "-", folder=folder)
    assert wanted == await asyncio.to_thread((folder / "usage.csv").read_text, "utf-8-sig")


async def test_days_are_counted_from_one_to_another_with_both(folder: Path) -> None:
    friday = HEAD + '"wecom/ann","1","100000","10","1.234567"\n'

    assert friday == await printed("--by", "person", "--csv", "--until", "2026-11-20", folder=folder)
    assert friday == await printed(
        "--by", "person", "--csv", "--since", "2026-11-20", "--until", "2026-11-21", folder=folder
    )
    assert HEAD == await printed("--by", "person", "--csv", "--since", "2026-11-23", folder=folder)


async def test_a_day_that_is_none_is_refused_in_chinese(tmp_path: Path) -> None:
    ran = await webot("usage", "--since", "2026-13-01", folder=tmp_path)

    assert 2 == ran.code
    assert "“2026-13-01”不是日期；请写成 2026-11-22" in ran.err
    assert "%" not in ran.err
