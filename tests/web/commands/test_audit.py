"""The verb `webot audit`."""

import json
from pathlib import Path

import pytest

from storage.conversations.audit import record
from tests.databases import open_migrated_file
from tests.web.shell import webot


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A deployment from which something was exported, and in which somebody was forgotten."""
    database = await open_migrated_file(tmp_path / "data" / "webot.db")
    chosen = {"since": 1795348800.0, "users": ["张三", "lisi"], "rated": "good"}
    details = {"format": "pdf", "filter": chosen, "language": "zh", "masked": "0" * 64, "out": "十一月.zip"}
    await record(database, "export", "root@host", details, conversations=3, messages=12)
    await record(database, "forget", "wecom/lisi", {"person": "wecom/lisi"}, conversations=1, messages=4)
    await database.close()
    return tmp_path


async def printed(*args: str, folder: Path) -> tuple[str, str]:
    ran = await webot("audit", *args, folder=folder, environ={"TZ": "UTC"})
    assert 0 == ran.code
    return ran.out, ran.err


async def test_before_anything_was_exported_it_says_so(tmp_path: Path) -> None:
    assert ("", "还没有人导出或删除过什么\n") == await printed(folder=tmp_path)


async def test_deeds_are_a_line_each_with_what_was_chosen(folder: Path) -> None:
    head, exported, forgotten = [line.split(maxsplit=6) for line in (await printed(folder=folder))[0].splitlines()]

    assert ["时间", "谁", "做了什么", "对话", "消息", "内容"] == head
    assert ["root@host", "export", "3", "12"] == exported[2:6]
    assert (
        "format=pdf language=zh masked=yes out=十一月.zip rated=good since=2026-11-22T12:00 users=张三,lisi"
        == exported[6]
    )
    assert ["wecom/lisi", "forget", "1", "4", "person=wecom/lisi"] == forgotten[2:]


async def test_one_kind_is_shown_alone_and_as_json_for_programs(folder: Path) -> None:
    (line,) = (await printed("--action", "export", "--json", folder=folder))[0].splitlines()
    deed = json.loads(line)
    latest, _ = await printed("--limit", "1", folder=folder)

    assert ("root@host", 3, "pdf") == (deed["who"], deed["conversations"], deed["details"]["format"])
    assert "forget" in latest
    assert "export" not in latest
