"""Whatever part of a service is broken, /readyz, /metrics, the status page, the API and the doctor say the same."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from pipeline.findings import FindingFactory
from pipeline.text.i18n import Catalogue
from tests.service import RunningService, running_service
from web.doctor.environment import examine_service
from web.settings.addresses import Address, Addresses

# Reads the catalogue, which is not for the event loop.
TELLER = FindingFactory(Catalogue("en"), str)
PARTS = ("database", "files", "worker", "loops")

Breaks = Callable[[RunningService, Path], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def database(_service: RunningService, folder: Path) -> AsyncIterator[None]:
    """Hold the database's lock."""

    def hold() -> sqlite3.Connection:
        other = sqlite3.connect(folder / "webot.db", timeout=60, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        return other

    other = await asyncio.to_thread(hold)
    try:
        yield
    finally:
        await asyncio.to_thread(other.close)


@asynccontextmanager
async def files(_service: RunningService, folder: Path) -> AsyncIterator[None]:
    """Take the folder of the files away."""
    await asyncio.to_thread(shutil.move, folder / "data", folder / "elsewhere")
    try:
        yield
    finally:
        await asyncio.to_thread(shutil.move, folder / "elsewhere", folder / "data")


@asynccontextmanager
async def worker(service: RunningService, _folder: Path) -> AsyncIterator[None]:
    """End the worker, and with it the loop that gives it turns."""
    await service.service.worker.drain()
    yield


@asynccontextmanager
async def loops(service: RunningService, _folder: Path) -> AsyncIterator[None]:
    """End a background loop for good."""
    loop = service.service.loops[-1]
    await loop.stop()
    try:
        yield
    finally:
        loop.start()


BREAKS: dict[str, tuple[Breaks, str, set[str]]] = {
    "database": (database, "write", {"database"}),
    "files": (files, "a test write failed", {"files"}),
    "worker": (worker, "does not run", {"worker", "loops"}),
    "loops": (loops, "does not run", {"loops"}),
}


def test_every_part_is_broken_here() -> None:
    assert PARTS == tuple(BREAKS)


@pytest.mark.parametrize("part", PARTS)
async def test_what_is_broken_is_the_same_wherever_one_asks(part: str, tmp_path: Path) -> None:
    breaks, reason, broken = BREAKS[part]
    async with running_service(tmp_path) as service:
        here = Address("server", "127.0.0.1", service.http.base_url.port or 0)
        async with breaks(service, tmp_path):
            async with asyncio.timeout(60):
                while (answer := await service.http.get("/readyz")).json()[part] == "ok":
                    pass
            status = (await service.console.get("/api/v1/status")).json()
            page = await service.console.get("/console/status?lang=en")
            counted = await service.console.get("/metrics")
            finding, runs = await examine_service(Addresses(here, here), TELLER, 60.0)

    shown = answer.json()
    expected = {each: each not in broken for each in PARTS}
    assert 503 == answer.status_code
    assert reason in shown[part]
    assert expected == {each: shown[each] == "ok" for each in PARTS}
    assert expected == {each: not status[each] for each in PARTS}
    assert expected == {each: f'webot_ready{{part="{each}"}} 1.0' in counted.text for each in PARTS}
    assert runs
    assert "ill" == finding.state
    assert {each for each in PARTS if f"{each}: {shown[each]}" in finding.says} == broken
    assert reason in page.text
