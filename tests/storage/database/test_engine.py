"""Opening a database: what is taken, what is refused and why, and one owner for a SQLite file."""

import asyncio
import stat
from pathlib import Path

import pytest

from pipeline.errors import AlreadyRunning, SettingsInvalid
from storage.database.engine import open_database
from storage.database.migrate import migrate


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("mysql://root@localhost/webot", "found 'mysql'", id="another kind of database"),
        pytest.param("postgresql+psycopg2://h/d", "found 'postgresql+psycopg2'", id="another driver"),
        pytest.param("sqlite://", "needs a file", id="SQLite in memory"),
        pytest.param("nonsense", "not a database URL", id="no URL at all"),
    ],
)
def test_a_database_that_cannot_keep_what_it_accepts_is_refused(url: str, expected: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"\[storage\] database_url") as refused:
        open_database(url)

    assert expected in str(refused.value)
    assert "expected sqlite+aiosqlite:///PATH or postgresql+asyncpg://" in str(refused.value)


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        open_database("mysql://root:hunter2@localhost/webot")

    assert "hunter2" not in str(refused.value)


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_a_new_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    database = await asyncio.to_thread(open_database, f"sqlite:///{tmp_path}/webot.db")
    await migrate(database)
    found = modes(tmp_path)
    await database.close()

    assert {"webot.db": 0o600, "webot.db-wal": 0o600, "webot.db-shm": 0o600} == found


async def test_a_second_process_on_one_file_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/deep/webot.db"
    first, second = [await asyncio.to_thread(open_database, url) for _ in range(2)]
    await asyncio.to_thread(first.own)
    with pytest.raises(AlreadyRunning, match=r"another webot process is using .*PostgreSQL"):
        await asyncio.to_thread(second.own)
    await first.close()
    await asyncio.to_thread(second.own)
    await second.close()
