"""How long the shell's help and the service's start take, and what the service weighs when idle."""

import asyncio
import os
import time
from statistics import median

from benchmarks.harness import programme, town
from benchmarks.tables import at_most, seen, table
from tests.resilience.programs import module

_HELPS = 7
_STARTS = 3
_IDLE_SECONDS = 5.0


async def main() -> None:
    """Run it."""
    helps = [await _help() for _ in range(_HELPS)]
    starts: list[float] = []
    async with town() as place:
        service = place.service()
        for _ in range(_STARTS):
            began = time.perf_counter()
            await service.start()
            starts.append(time.perf_counter() - began)
            before = service.usage()
            await asyncio.sleep(_IDLE_SECONDS)
            after = service.usage()
            await service.stop()
    table(
        "Starting, bytecode compiled",
        [
            at_most(f"webot --help, median of {_HELPS}", median(helps), 0.5, "s", digits=2),
            at_most(f"service ready, median of {_STARTS}", median(starts), 4, "s", digits=2),
            at_most("idle, resident", after.rss / 1e6, 200, "MB"),
            seen("idle, CPU", (after.cpu - before.cpu) / _IDLE_SECONDS * 100, "%"),
        ],
    )


async def _help() -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *module("web.cli", "--help"),
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )
    if await process.wait():
        raise RuntimeError("webot --help failed")
    return time.perf_counter() - began


if __name__ == "__main__":
    programme(main)
