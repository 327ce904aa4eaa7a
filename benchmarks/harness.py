"""What the benchmarks share: a town in a folder of its own, a core for webot, and a measure of the machine."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.resilience.cluster import Cluster, Service
from tests.resilience.webhook_clients import post_all
from web.loop import run

CORES = sorted(os.sched_getaffinity(0))
ONE_CORE = frozenset(CORES[:1])
"""Where webot runs when it is held to one core; the rest of the town then keeps to the others."""
OTHERS = frozenset(CORES[1:] or CORES)


@asynccontextmanager
async def town(
    *,
    database_url: str = "",
    model_delay: float = 0.0,
    settings: Mapping[str, str] | None = None,
    apart: bool = False,
) -> AsyncIterator[Cluster]:
    """Start WeCom and a model; `apart` keeps them, and this process, off webot's core."""
    if apart:
        os.sched_setaffinity(0, OTHERS)
    try:
        with tempfile.TemporaryDirectory(prefix="webot-bench-") as folder:
            async with Cluster(
                Path(folder),
                database_url=database_url,
                model_delay=model_delay,
                settings=settings,
                beside=OTHERS if apart else (),
            ) as built:
                yield built
    finally:
        os.sched_setaffinity(0, CORES)


def programme(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a benchmark, and say how fast the machine was meanwhile."""
    before = _yardstick()
    run(main())
    after = _yardstick()
    print(f"\nThis machine did a fixed piece of work in {before:.0f} ms of CPU before and {after:.0f} ms after.")


async def warmed(service: Service, within: Cluster) -> None:
    """Let everything be used once, so that the first measured message is like the last."""
    before = await within.total()
    letters = [within.letter(f"warm{number}", "warm") for number in range(20)]
    await post_all(service.port, [letter.request() for letter in letters], connections=4)
    await answered(within, before + len(letters))


async def answered(within: Cluster, total: int, *, seconds: float = 120.0) -> float:
    """Return when so many messages have come, with the moment, in seconds since 1970; `TimeoutError` if not."""
    async with asyncio.timeout(seconds):
        while await within.total() < total:  # noqa: ASYNC110 -- what is waited for is in another process
            await asyncio.sleep(0.02)
    return time.time()


def _yardstick() -> float:
    """Measure Python itself: on a machine shared with others the same work takes more CPU time."""
    began = time.process_time()
    total = 0
    for number in range(5_000_000):
        total += number % 7
    return (time.process_time() - began) * 1000
