"""Verbs beside a database that cannot be read, or is newer: each says so, and nothing that it cannot know."""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from storage.database.engine import open_database
from storage.database.migrate import migrate
from tests.storage.test_newer_schema import become_newer
from tests.web.commands.test_chain_releases import draft
from tests.web.commands.test_import_legacy import CONFIG
from tests.web.shell import Ran, free_port, webot, webot_process

KNOWS_NOTHING = (
    *("chains trials", "chains trials end hr", "chains publish hr", "chains rollback hr shipped", "chains history hr"),
    *("chains replay translator", "chains ratings default", "import-legacy --database old.db", "export --out new"),
    *("forget zhangsan --yes", "turns", "usage", "audit", "token revoke ci", "console user remove wang", "migrate"),
)


def make_old(path: Path) -> None:
    """Make corp-webot's database, of one person."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute('CREATE TABLE "user" (id INTEGER, name, sys_prompt, update_time)')
        database.execute("CREATE TABLE context (id INTEGER, name, context_msg, update_time)")
        database.execute("""INSERT INTO "user" VALUES (1, 'zhangsan', 'a poet', 1682913600000)""")


async def away(_folder: Path) -> str:
    return f"postgresql://webot@127.0.0.1:{free_port()}/webot"


async def a_folder(folder: Path) -> str:
    (folder / "webot.db").mkdir()
    return f"sqlite:///{folder}/webot.db"


async def newer(folder: Path) -> str:
    url = f"sqlite+aiosqlite:///{folder}/webot.db"
    database = await asyncio.to_thread(open_database, url)
    await migrate(database)
    await become_newer(database)
    await database.close()
    return url


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (away, "the database cannot be used: the connection was refused"),
        (a_folder, "the database cannot be used: the file cannot be opened"),
        (newer, "the database has schema '9999', which this webot"),
    ],
)
async def test_a_verb_says_why_it_cannot_know(
    broken: Callable[[Path], Awaitable[str]], reason: str, tmp_path: Path
) -> None:
    environ = {
        "WEBOT_STORAGE__DATABASE_URL": await broken(tmp_path),
        "WEBOT_STORAGE__DATA_DIR": str(tmp_path / "data"),
        "WEBOT_CHAT__LANGUAGE": "en",
        "WEBOT_MODELS__DEFAULT__MODEL": "m",
        "WEBOT_MODELS__DEFAULT__BASE_URL": f"http://127.0.0.1:{free_port()}",
    }
    await asyncio.to_thread(draft, tmp_path)
    await asyncio.to_thread(draft, tmp_path, name="translator")
    await asyncio.to_thread(make_old, tmp_path / "old.db")

    async def run(verb: str) -> Ran:
        return await webot(*verb.split(), folder=tmp_path, environ=environ)

    ran = {verb: await run(verb) for verb in KNOWS_NOTHING}
    listed = await run("chains list")

    assert dict.fromkeys(KNOWS_NOTHING, (1, True, 1, "")) == {
        verb: (one.code, f"webot: {reason}" in one.err, one.err.count(reason), one.out) for verb, one in ran.items()
    }
    assert "no service is running" not in listed.err
    assert "not known without the database" in listed.err


async def test_settings_that_found_no_room_on_the_disk_are_brought_over_the_next_time(tmp_path: Path) -> None:
    """A file written in part would be taken for one that was there."""
    await asyncio.to_thread((tmp_path / "config.yaml").write_text, CONFIG, encoding="utf-8")
    arguments = ("import-legacy", "--config", "config.yaml")
    full = await webot_process(*arguments, folder=tmp_path, most_bytes=64)
    left = await asyncio.to_thread(os.listdir, tmp_path)
    again = await webot_process(*arguments, folder=tmp_path)

    assert 1 == full.code
    assert "Traceback" not in full.err
    assert ["config.yaml"] == left
    assert 0 == again.code
    assert "sk-old" in (tmp_path / ".secrets.toml").read_text(encoding="utf-8")
