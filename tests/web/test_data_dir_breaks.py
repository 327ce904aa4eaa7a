"""A data_dir that breaks under a running service, whose database is elsewhere: /readyz and the status page say so."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service import RunningService, running_service


def remove(folder: Path) -> None:
    shutil.rmtree(folder)


def put_file(folder: Path) -> None:
    remove(folder)
    folder.write_bytes(b"")


def put_link_to_nothing(folder: Path) -> None:
    remove(folder)
    folder.symlink_to(folder.parent / "nowhere")


def put_circle(folder: Path) -> None:
    remove(folder)
    folder.symlink_to(folder)


def move(folder: Path) -> None:
    folder.rename(folder.parent / "elsewhere")


def put_back(folder: Path) -> None:
    folder.unlink(missing_ok=True)
    (folder / "media").mkdir(parents=True)


async def _says(service: RunningService, files: str) -> int:
    """Give the status of /readyz once it says something of files."""
    async with asyncio.timeout(60):
        while (answer := await service.http.get("/readyz")).json()["files"] != files:
            pass
    return answer.status_code


async def _breaks(service: RunningService, data: Path, break_it: Callable[[Path], None], reason: str) -> None:
    await _says(service, "ok")
    break_it(data)
    broken = await _says(service, f"a test write failed: {reason}")
    page = await service.console.get("/console/status?lang=en")
    status = await service.console.get("/api/v1/status")
    put_back(data)
    await _says(service, "ok")

    assert 503 == broken
    assert status.json()["files"]
    assert "cannot be kept in data_dir:" in page.text


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (remove, "no such file or folder"),
        (put_file, "a part of the path is not a folder"),
        (put_link_to_nothing, "no such file or folder"),
        (put_circle, "symbolic links lead in a circle"),
        (move, "no such file or folder"),
    ],
)
async def test_that_files_cannot_be_kept_is_told(break_it: Callable[[Path], None], reason: str, tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        await _breaks(service, tmp_path / "data", break_it, reason)


async def test_it_is_told_beside_postgresql(tmp_path: Path, postgres_url: str) -> None:
    async with running_service(tmp_path, {"WEBOT_STORAGE__DATABASE_URL": postgres_url}) as service:
        await _breaks(service, tmp_path / "data", put_file, "a part of the path is not a folder")
