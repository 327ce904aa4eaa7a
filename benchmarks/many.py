"""Two hundred people at once, alone and beside 200 connections that trickle a byte a second."""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator

from benchmarks.harness import answered, programme, town, warmed
from benchmarks.tables import Row, at_most, seen, table
from tests.resilience.cluster import Cluster, Service
from tests.resilience.webhook_clients import Posted, dial, lines

_PEOPLE = 200
_TIMES = 5
_TRICKLE = b"POST /gpt HTTP/1.1\r\nHost: webot\r\nContent-Type: text/xml\r\nContent-Length: 600\r\n\r\n<xml>"


async def main() -> None:
    """Run it."""
    async with town() as place:
        service = await place.serve()
        await warmed(service, place)
        rows = await _bursts(place, service, "alone")
        async with _trickling(service.port):
            rows += await _bursts(place, service, "beside the trickle")
        table(f"{_PEOPLE} people write at the same moment, {_TIMES} times", rows)


async def _bursts(place: Cluster, service: Service, how: str) -> list[Row]:
    bursts = [await _burst(place, service, f"{how[:1]}{number}-") for number in range(_TIMES)]
    slowest = [max(one.seconds for one in posted) * 1000 for posted in bursts]
    refused = sum(one.status != 200 for posted in bursts for one in posted)
    return [
        at_most(f"slowest callback, {how}, median", statistics.median(slowest), 100, "ms"),
        seen("  the slowest of all", max(slowest), "ms"),
        at_most(f"refused or lost, {how}", refused, 0, "", digits=0),
    ]


async def _burst(place: Cluster, service: Service, names: str) -> list[Posted]:
    before = await place.total()
    requests = [place.letter(f"{names}{n}", "all at once").request() for n in range(_PEOPLE)]
    async with lines(service.port, _PEOPLE) as opened:
        posted = await asyncio.gather(*(line.post(it) for line, it in zip(opened, requests, strict=True)))
    await answered(place, before + _PEOPLE)
    return posted


@contextlib.asynccontextmanager
async def _trickling(port: int) -> AsyncIterator[None]:
    async def drip() -> None:
        while True:
            line = await dial(port)
            line.write(_TRICKLE)
            while line.is_open:
                await asyncio.sleep(1.0)
                line.write(b" ")

    drips = [asyncio.create_task(drip()) for _ in range(_PEOPLE)]
    await asyncio.sleep(2.0)
    try:
        yield
    finally:
        for task in drips:
            task.cancel()
        await asyncio.gather(*drips, return_exceptions=True)


if __name__ == "__main__":
    programme(main)
