"""What `/metrics` says of this moment, measured when it is asked for, at most every few seconds."""

import asyncio
import platform
import shutil
from pathlib import Path
from time import monotonic

import structlog

from pipeline import metrics
from storage.database.migrate import HEAD
from storage.monitoring.backlog import read_backlog
from web.console.pages import VERSION
from web.http.parts import part_checks
from web.wiring import Service

log = structlog.get_logger()

_FRESH = 5.0
_DEADLINE = 2.0


class Measurements:
    """Sets the gauges that somebody has to look for."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._parts = part_checks(service)
        self._at = -_FRESH
        self._one = asyncio.Lock()
        metrics.BUILD.info({"version": VERSION, "python": platform.python_version()})
        metrics.SCHEMA.info({"version": HEAD})
        metrics.LEASE.set_function(lambda: service.worker.lease_seconds)

    async def refresh(self) -> None:
        """Measure; where that takes too long or fails, what was measured before stays, and each part is asked anew."""
        async with self._one:
            for part, check in self._parts.items():
                metrics.READY.labels(part).set(not await check())
            if monotonic() - self._at < _FRESH:
                return
            self._at = monotonic()
            try:
                async with asyncio.timeout(_DEADLINE):
                    await self._measure()
            except Exception as error:  # noqa: BLE001 -- the other numbers are given all the same
                log.warning("not_measured", error=type(error).__name__)

    async def _measure(self) -> None:
        data = Path(self._service.settings.storage.data_dir)
        metrics.FREE_DISK.set(await asyncio.to_thread(_free, data))
        backlog = await read_backlog(self._service.database)
        metrics.WAITING.set(backlog.turns)
        metrics.OLDEST.set(backlog.oldest)


def _free(folder: Path) -> int:
    here = folder.absolute()
    while not here.exists():
        here = here.parent
    return shutil.disk_usage(here).free
