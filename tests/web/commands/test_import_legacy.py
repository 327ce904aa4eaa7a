"""`webot import-legacy`: what corp-webot has left, brought over once."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.web.shell import webot
from web.settings.loading import load

CONFIG = """
systemConf:
  proxy: http://127.0.0.1:7890
  port: 50008
  log: warn
  msgMode: markdown
  logConf:
    logFileDateFmt: "2006-01-02 15:04:05"
    logFileRotationCount: 10
gptConfig:
  apikey: sk-old"quoted
  model: gpt-3.5-turbo
  UserName: xxx
  url: https://api.example.com/v1
weConfig:
  corpid: ww0123456789abcdef
  corpSecret: s3cret
  agentId: 1000002
  weApiRCallToken: tok3n
  weApiEncodingKey: abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ
"""
NOON_MS = 1682913600000


def talk(*said: tuple[str, str]) -> str:
    return json.dumps({"Key": "gpt_chat/x", "Context": [{"role": role, "content": text} for role, text in said]})


@pytest.fixture(params=["user", "users"])
def old(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "data.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f'CREATE TABLE "{request.param}" (id INTEGER, name, sys_prompt, update_time)')
        database.execute("CREATE TABLE context (id INTEGER, name, context_msg, update_time)")
        database.executemany(
            f'INSERT INTO "{request.param}" VALUES (?, ?, ?, ?)',  # noqa: S608 (ours)
            [(1, "zhangsan", "你是诗人", NOON_MS), (2, "lisi", "", NOON_MS), (3, None, "谁", NOON_MS)],
        )
        rows = [
            (
                1,
                "zhangsan",
                talk(("system", "你是老师"), ("user", "问一"), ("assistant", "答一"), ("user", "没答")),
                NOON_MS,
            ),
            (2, "lisi", talk(("user", "李问"), ("assistant", "李答")), NOON_MS + 60000),
            (3, "zhangsan", "{broken", NOON_MS),
            (4, "zhangsan", talk(), NOON_MS),
            (5, "zhangsan", talk(("user", "问二"), ("assistant", "答二")), None),
        ]
        database.executemany("INSERT INTO context VALUES (?, ?, ?, ?)", rows)
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "at"),
    [
        pytest.param('{"Context": [{"role": "user", "content": null}]}', NOON_MS, id="words that are no text"),
        pytest.param('{"Context": [{"role": "user"}]}', NOON_MS, id="no words"),
        pytest.param('{"Context": "abc"}', NOON_MS, id="no list"),
        pytest.param("[" * 100_000, NOON_MS, id="endless nesting"),
        pytest.param(talk(("user", "问")), 9e18, id="a time beyond all times"),
        pytest.param(talk(("user", "问")), float("inf"), id="no end of time"),
        pytest.param(talk(("user", "问")), "abc", id="no time"),
    ],
)
async def test_one_broken_row_leaves_the_others_whole(old: Path, tmp_path: Path, content: str, at: object) -> None:
    with closing(sqlite3.connect(old)) as database, database:
        database.execute("INSERT INTO context VALUES (9, 'lisi', ?, ?)", (content, at))
    ran = await webot("import-legacy", "--database", "data.db", folder=tmp_path)

    assert "已导入：角色设定 1 个，对话 2 个，消息 6 条；以前已导入 0 行\n" == ran.out
    assert "没有导入：context 9：" in ran.err


async def test_characters_cut_in_two_are_marked(old: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(old)) as database, database:
        database.execute("INSERT INTO context VALUES (9, 'wangwu', ?, ?)", (talk(("user", "半\ud83d\0个")), NOON_MS))
    await webot("import-legacy", "--database", "data.db", folder=tmp_path)
    exported = await webot("export", "--out", "-", "--user", "wangwu", folder=tmp_path)

    assert ["半\ufffd个", ""] == [json.loads(line)["text"] for line in exported.out.splitlines()]


async def test_personas_and_conversations_come_over_once(old: Path, tmp_path: Path) -> None:
    before = await asyncio.to_thread(old.read_bytes)
    first = await webot("import-legacy", "--database", "data.db", folder=tmp_path)
    again = await webot("import-legacy", "--database", "data.db", folder=tmp_path)
    exported = await webot("export", "--out", "-", folder=tmp_path)
    lines = [json.loads(line) for line in exported.out.splitlines()]

    assert "已导入：角色设定 1 个，对话 2 个，消息 6 条；以前已导入 0 行\n" == first.out
    assert "已导入：角色设定 0 个，对话 0 个，消息 0 条；以前已导入 3 行\n" == again.out
    assert (1, 1) == (first.code, again.code)
    assert {"context 3", "context 4", "context 5"} <= {line.split("：")[1] for line in first.err.splitlines()}
    assert ["问一", "答一", "没答", "", "李问", "李答"] == [line["text"] for line in lines]
    assert {"2023-05-01T04:00:00.000Z", "2023-05-01T04:01:00.000Z"} == {line["at"] for line in lines}
    assert {"你是老师", ""} == {line["persona"] for line in lines}
    assert before == await asyncio.to_thread(old.read_bytes)


@pytest.mark.usefixtures("old")
async def test_settings_become_ours_and_hold(tmp_path: Path) -> None:
    ran = await webot("import-legacy", "--config", "config.yaml", folder=tmp_path)
    loaded = await asyncio.to_thread(load, tmp_path, {})
    settings = loaded.settings
    again = await webot("import-legacy", "--config", "config.yaml", folder=tmp_path)

    assert 0 == ran.code
    assert "gptConfig.UserName：webot 没有这项设置" in ran.out
    assert ("gpt-3.5-turbo", 'sk-old"quoted') == (
        settings.models["default"].model,
        settings.models["default"].api_key.get_secret_value(),
    )
    assert ("WARNING", "%Y-%m-%d %H:%M:%S", 10) == (
        settings.log.level,
        settings.log.date_format,
        settings.log.rotation_count,
    )
    assert 1000002 == settings.channels["wecom"].own["agent_id"]
    assert "s3cret" not in (tmp_path / "settings.local.toml").read_text(encoding="utf-8")
    assert 0o600 == (tmp_path / ".secrets.toml").stat().st_mode & 0o777
    assert 2 == again.out.count("：没有变化")


@pytest.mark.usefixtures("old")
async def test_files_that_are_there_are_left(tmp_path: Path) -> None:
    (tmp_path / "settings.local.toml").write_text("[chat]\nturns = 3\n", encoding="utf-8")
    ran = await webot("import-legacy", "--config", "config.yaml", folder=tmp_path)

    assert "settings.local.toml：已经存在，没有改动" in ran.out
    assert "[chat]\nturns = 3\n" == (tmp_path / "settings.local.toml").read_text(encoding="utf-8")


async def test_what_is_no_old_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.db").write_text("hello, I am no database at all", encoding="utf-8")
    ran = await webot("import-legacy", "--database", "data.db", folder=tmp_path)

    assert 1 == ran.code
    assert "data.db 不是 corp-webot 的数据库，或无法读取" in ran.err
