"""`webot export`, as an operator runs it."""

import asyncio
import json
import os
import signal
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from storage.conversations.audit import deeds
from storage.database.engine import Database, open_database
from storage.database.tables import conversations, messages, people
from tests.databases import open_migrated_file
from tests.exports.conversing import converse
from tests.exports.samples import NOON, REPORT
from tests.web.shell import start, webot, webot_process
from web.operator.exports import process_count


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_migrated_file(tmp_path / "webot.db")
    for number, user in enumerate(("zhangsan", "lisi", "zhangsan")):
        await converse(opened, user, [(f"问{number}，电话13812345678", REPORT)], at=NOON + number * 86400)
    yield opened
    await opened.close()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db", "WEBOT_STORAGE__DATA_DIR": str(tmp_path)}


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("format_", "out"), [("jsonl", "all"), ("md", "all"), ("html", "all"), ("txt", "all.zip")])
async def test_what_is_written_is_its_owners_alone(
    tmp_path: Path, environ: dict[str, str], format_: str, out: str
) -> None:
    # The usual mask of a shell, under which others may read what it writes.
    before = os.umask(0o022)
    ran = await webot_process("export", "--format", format_, "--out", out, folder=tmp_path, environ=environ)
    os.umask(before)
    made = [tmp_path / out, *(tmp_path / out).rglob("*")]
    modes = {("folder" if path.is_dir() else "file", stat.S_IMODE(path.stat().st_mode)) for path in made}

    assert 0 == ran.code
    assert modes <= {("folder", 0o700), ("file", 0o600)}
    assert ("file", 0o600) in modes


@pytest.mark.usefixtures("database")
async def test_records_go_to_standard_output_and_nothing_else_does(tmp_path: Path, environ: dict[str, str]) -> None:
    ran = await webot("export", "--out", "-", "--user", "ZhangSan", "--mask", folder=tmp_path, environ=environ)
    lines = [json.loads(line) for line in ran.out.splitlines()]

    assert (0, "") == (ran.code, ran.err)
    assert ["human", "ai"] * 2 == [line["role"] for line in lines]
    assert "问2，电话[PHONE]" == lines[2]["text"]


async def test_pages_go_into_a_zip_and_the_deed_into_the_audit(
    database: Database, tmp_path: Path, environ: dict[str, str]
) -> None:
    ran = await webot(
        *("export", "--format", "pdf", "--out", "out.zip", "--since", "2026-11-23", "--until", "2026-11-25"),
        folder=tmp_path,
        environ=environ,
    )
    (deed,) = await deeds(database)

    assert (0, "", "2 个对话，4 条消息，3 个文件，在 out.zip\n") == (ran.code, ran.out, ran.err)
    assert (tmp_path / "out.zip").stat().st_size > 10_000
    assert ("export", 2, 4, "pdf", "out.zip") == (
        deed.action,
        deed.conversations,
        deed.messages,
        deed.details["format"],
        deed.details["out"],
    )
    assert {"since", "until"} == set(deed.details["filter"])
    assert "@" in deed.who


async def test_what_people_found_fault_with_is_chosen(
    database: Database, tmp_path: Path, environ: dict[str, str]
) -> None:
    await converse(database, "wangwu", [("一", "1"), ("二", "2")], at=NOON, ratings={2: (-1, "太慢")})
    ran = await webot("export", "--out", "-", "--rated", "bad", folder=tmp_path, environ=environ)
    (deed,) = await deeds(database)

    assert [("二", ""), ("2", "太慢")] == [
        (said["text"], said["note"]) for said in map(json.loads, ran.out.splitlines())
    ]
    assert {"rated": "bad"} == deed.details["filter"]


@pytest.mark.parametrize(
    ("since", "until", "conversations"),
    [
        pytest.param("2026-10", "2026-11", 3, id="whole months"),
        pytest.param("2026-12", "2026-12", 0, id="a month later"),
        pytest.param("2026-11-01", "2026-11-30", 3, id="days"),
        pytest.param("2026-11-01T00:00:00", "2026-11-01T00:00:00", 0, id="a moment ends where it begins"),
    ],
)
@pytest.mark.usefixtures("database")
async def test_a_month_and_a_day_are_meant_to_their_end(
    tmp_path: Path, environ: dict[str, str], since: str, until: str, conversations: int
) -> None:
    ran = await webot(
        *("export", "--out", "out", "--dry-run", "--since", since, "--until", until), folder=tmp_path, environ=environ
    )

    assert ran.err.startswith(f"{conversations} 个对话，")


async def test_a_dry_run_writes_nothing(database: Database, tmp_path: Path, environ: dict[str, str]) -> None:
    ran = await webot("export", "--out", "out", "--dry-run", folder=tmp_path, environ=environ)

    assert (0, "3 个对话，最多 6 条消息；没有写入任何内容\n") == (ran.code, ran.err)
    assert not (tmp_path / "out").exists()
    assert [] == await deeds(database)


@pytest.mark.usefixtures("database")
async def test_what_cannot_be_is_refused_with_the_way_out(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").touch()
    someday = await webot("export", "--out", "out", "--since", "tomorrow", folder=tmp_path, environ=environ)
    streamed = await webot("export", "--out", "-", "--format", "pdf", folder=tmp_path, environ=environ)
    full = await webot("export", "--out", "full", folder=tmp_path, environ=environ)
    days = ("--since", "2026-11-30", "--until", "2026-11-01")
    backwards = [
        await webot(*verb, *days, folder=tmp_path, environ=environ) for verb in (["export", "--out", "-"], ["usage"])
    ]

    assert "“tomorrow”不是月份、日期或时刻" in someday.err
    assert "--out 请写文件夹或 .zip 文件" in streamed.err
    assert [(2, True)] * 2 == [(ran.code, "比 --since 还早" in ran.err) for ran in backwards]
    assert (1, "webot: full 不是空的；请写一个新文件夹，或 .zip 文件\n") == (full.code, full.err)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("month", ["0001-01", "9999-12"])
async def test_a_month_beyond_the_calendar_is_no_month(tmp_path: Path, environ: dict[str, str], month: str) -> None:
    done = await webot("export", "--out", "out", "--until", month, folder=tmp_path, environ=environ)

    assert f"“{month}”不是月份、日期或时刻" in done.err
    assert "Traceback" not in done.err


@pytest.mark.usefixtures("database")
async def test_files_that_cannot_be_are_named_and_not_the_database(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "letter").touch()
    (tmp_path / "gbk.txt").write_bytes("张三\n".encode("gbk"))
    (tmp_path / "marked.txt").write_text("问0\n", encoding="utf-8-sig")
    taken = await webot("export", "--out", "letter", folder=tmp_path, environ=environ)
    nowhere = await webot("export", "--out", "/proc/q", folder=tmp_path, environ=environ)
    gbk = await webot("export", "--out", "-", "--mask-names", "gbk.txt", folder=tmp_path, environ=environ)
    marked = await webot("export", "--out", "-", "--mask-names", "marked.txt", folder=tmp_path, environ=environ)

    assert (1, "webot: 无法创建 letter：已经存在；请换一个文件夹\n") == (taken.code, taken.err)
    assert (1, True) == (nowhere.code, nowhere.err.startswith("webot: 无法创建 /proc/q："))
    assert "gbk.txt 不是 UTF-8 编码；请另存为 UTF-8，每行一个名字" in gbk.err
    assert "[NAME]，电话[PHONE]" == json.loads(marked.out.splitlines()[0])["text"]


@pytest.mark.usefixtures("database")
async def test_a_reader_that_has_gone_away_is_no_fault_of_the_database(tmp_path: Path, environ: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    running = await start("export", "--out", "-", folder=tmp_path, environ=environ, stdout=writer)
    os.close(writer)
    _, err = await running.communicate()

    assert (1, "") == (running.returncode, err.decode())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full is Linux's")
@pytest.mark.usefixtures("database")
async def test_a_full_disk_is_no_fault_of_the_database(tmp_path: Path, environ: dict[str, str]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    running = await start("export", "--out", "-", folder=tmp_path, environ=environ, stdout=full)
    os.close(full)
    _, err = await running.communicate()

    assert (1, "webot: 磁盘已满\n") == (running.returncode, err.decode())


async def test_before_the_first_start_there_is_nothing_to_export(tmp_path: Path, environ: dict[str, str]) -> None:
    ran = await webot("export", "--out", "out", folder=tmp_path, environ=environ)

    assert 1 == ran.code
    assert "还没有数据库" in ran.err


async def test_beside_a_service_a_core_is_left_to_it(database: Database, tmp_path: Path) -> None:
    alone = await process_count(database)
    service = await asyncio.to_thread(open_database, f"sqlite:///{tmp_path}/webot.db")
    await asyncio.to_thread(service.own)
    beside = await process_count(database)
    await service.close()

    assert (os.cpu_count(), max(1, (os.cpu_count() or 1) - 1)) == (alone, beside)


async def test_ctrl_c_says_how_to_go_on(database: Database, tmp_path: Path, environ: dict[str, str]) -> None:
    # So many that the signal comes in the middle, however busy the machine is.
    await _copy_first(database, 1000)
    running = await start("export", "--format", "md", "--out", "out", folder=tmp_path, environ=environ)
    # A document is there, and many are not.
    await asyncio.to_thread(_wait_for, tmp_path / "out" / "wecom")
    running.send_signal(signal.SIGINT)
    _, err = await running.communicate()
    ran = await webot("export", "--format", "md", "--out", "out", folder=tmp_path, environ=environ)

    assert (130, "已停止；再执行一次同样的命令，会从停下的地方继续") == (running.returncode, err.decode().strip())
    assert (0, "1003 个对话，2006 条消息，1003 个文件，在 out\n") == (ran.code, ran.err)


async def _copy_first(database: Database, count: int) -> None:
    """Have so many more people say what the first conversation says."""
    async with database.write() as connection:
        first = select(conversations).order_by(conversations.c.id).limit(1)
        talk = dict((await connection.execute(first)).mappings().one())
        whole = select(messages).where(messages.c.conversation_id == talk["id"])
        said = [dict(row) for row in (await connection.execute(whole)).mappings()]
        talks = [talk | {"id": 10_000 + number, "person": f"wecom/v{number}"} for number in range(count)]
        others = [{"person": copy["person"], "channel": "wecom", "user": copy["person"][6:]} for copy in talks]
        await connection.execute(insert(people), others)
        await connection.execute(insert(conversations), talks)
        copies = [row | {"id": None, "conversation_id": copy["id"]} for copy in talks for row in said]
        await connection.execute(insert(messages), copies)


def _wait_for(path: Path) -> None:
    until = time.monotonic() + 600
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.005)
