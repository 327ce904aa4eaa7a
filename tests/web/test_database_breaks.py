"""A database that breaks under a running service: what is asked for says so in a sentence, and /readyz at once."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.databases import place_migrated_file
from tests.service import RunningService, running_service

_PAGE = 4096
_PATHS = (
    *("/console/turns", "/console/conversations", "/console/usage", "/console/audit", "/console/chains"),
    *("/api/v1/turns", "/api/v1/conversations", "/api/v1/usage", "/api/v1/audit"),
)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("webot.db*"))


def damage(folder: Path, *tables: str) -> None:
    """Nothing is left of the first page of some tables."""
    file = folder / "webot.db"
    with closing(sqlite3.connect(file)) as database:
        pages = dict(database.execute("SELECT name, rootpage FROM sqlite_master WHERE type = 'table'"))
    with file.open("r+b") as opened:
        for table in tables:
            opened.seek((pages[table] - 1) * _PAGE)
            opened.write(bytes(_PAGE))


def remove(folder: Path) -> None:
    for file in _files(folder):
        file.unlink()


def replace(folder: Path) -> None:
    data = (folder / "webot.db").read_bytes()
    remove(folder)
    (folder / "webot.db").write_bytes(data)


def put_folder(folder: Path) -> None:
    remove(folder)
    (folder / "webot.db").mkdir()


def move(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    for file in _files(folder):
        shutil.move(file, folder / "elsewhere")


async def _talk(service: RunningService) -> None:
    phone = service.phone()
    await phone.say("你好")
    await phone.texts(count=1)


async def test_a_damaged_table_is_told_on_every_page_without_a_traceback(tmp_path: Path) -> None:
    place_migrated_file(tmp_path / "webot.db")
    damage(tmp_path, "conversations", "messages", "daily_counts")
    url = {"WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db"}
    with capture_logs() as logs:
        async with running_service(tmp_path, url) as service:
            answers = {path: await service.console.get(path) for path in _PATHS}
    broken = {path: answer for path, answer in answers.items() if not answer.is_success}

    assert {"/console/conversations", "/api/v1/conversations"} <= broken.keys()
    assert {503} == {answer.status_code for answer in broken.values()}
    assert [] == [path for path, answer in broken.items() if "请从备份恢复" not in answer.text]
    assert [] == [line for line in logs if line["event"] == "request_broke"]


@pytest.mark.parametrize("how", [remove, replace, put_folder, move])
async def test_what_is_written_into_a_file_that_was_removed_is_not_called_stored(
    how: Callable[[Path], None], tmp_path: Path
) -> None:
    async with running_service(tmp_path) as service:
        await _talk(service)
        before = await service.http.get("/readyz")
        how(tmp_path)
        answers: list[str] = []

        async def asked() -> bool:
            answers.append((await service.http.get("/readyz")).json()["database"])
            return answers[-1] != "ok"

        while not await asked():
            pass

    assert 200 == before.status_code
    assert "a test write failed: its file was removed or replaced" == answers[-1]
