"""A data_dir that breaks under a running service, whose database is elsewhere: /readyz and the status page say so."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.findings import Finding, FindingFactory
from pipeline.text.i18n import Catalogue
from tests.service import RunningService, running_service
from web.doctor.environment import examine_service
from web.settings.addresses import Address, Addresses

# Reads the catalogue, which is not for the event loop.
TELLER = FindingFactory(Catalogue("en"), str)


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


async def _doctor(service: RunningService) -> Finding:
    """Give what the doctor says of the service."""
    here = Address("server", "127.0.0.1", service.http.base_url.port or 0)
    finding, runs = await examine_service(Addresses(here, here), TELLER, 60.0)

    assert runs
    return finding


async def _breaks(service: RunningService, data: Path, break_it: Callable[[Path], None], reason: str) -> None:
    await _says(service, "ok")
    break_it(data)
    broken = await _says(service, f"a test write failed: {reason}")
    # A picture does not make the folder anew, of which everything else is gone.
    with pytest.raises(OSError, match="Errno"):
        await service.service.media.keep(b"a picture", mime="image/png", name="picture.png")
    page = await service.console.get("/console/status?lang=en")
    status = await service.console.get("/api/v1/status")
    doctor = await _doctor(service)
    put_back(data)
    await _says(service, "ok")

    assert 503 == broken
    assert status.json()["files"]
    assert ("ill", True) == (doctor.state, f"not ready: files: a test write failed: {reason}" in doctor.says)
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
