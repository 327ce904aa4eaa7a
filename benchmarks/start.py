"""How soon webot is there, and what it takes when nobody speaks."""

import asyncio
import statistics
import time

from benchmarks.harness import programme, town
from benchmarks.tables import at_most, seen, table
from tests.resilience.processes import Program, module

_TIMES = 5


async def main() -> None:
    """Run it."""
    async with town() as place:
        helps, starts, cpus = [], [], []
        for number in range(_TIMES):
            said = Program(module("web.cli", "--help"), folder=place.folder, name=f"help{number}")
            began = time.perf_counter()
            await said.start()
            await said.ended()
            helps.append(time.perf_counter() - began)
        for _ in range(_TIMES):
            service = place.service()
            began = time.perf_counter()
            await service.start()
            starts.append(time.perf_counter() - began)
            cpus.append(service.usage().cpu)
            await asyncio.sleep(3.0)
            idle = service.usage()
            await asyncio.sleep(5.0)
            after = service.usage()
            await service.stop()
        table(
            f"Median of {_TIMES} starts, compiled bytecode, SQLite",
            [
                at_most("webot --help", statistics.median(helps[1:]), 0.5, "s", digits=2),
                at_most("webot serve until ready", statistics.median(starts[1:]), 4, "s", digits=2),
                seen("  CPU of that", statistics.median(cpus[1:]), "s", digits=2),
                at_most("resident when idle", after.rss / 1e6, 200, "MB"),
                seen("CPU when idle", (after.cpu - idle.cpu) / 5 * 100, "%", digits=2),
            ],
        )


if __name__ == "__main__":
    programme(main)
