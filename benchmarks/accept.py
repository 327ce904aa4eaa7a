"""Callbacks a second through 64 connections: verified, decrypted, parsed, committed; beside the same without commit.

One turn at a time is allowed, and the model hangs: what is measured is accepting, not answering.
"""

import time
from dataclasses import dataclass

from benchmarks.harness import programme, town
from benchmarks.tables import Row, at_most, percentile, seen, table
from tests.resilience.cluster import Cluster, Service
from tests.resilience.processes import module
from tests.resilience.webhook_clients import Posted, post_all

_CONNECTIONS = 64
_CALLBACKS = 6000
_ROUNDS = 3
_PEOPLE = 1000
_WANTED = 1000.0


@dataclass(frozen=True, slots=True)
class _Round:
    per_second: float
    posted: list[Posted]
    cpu: float


async def main() -> None:
    """Run it, the two in turn."""
    async with town(model_delay=3600.0, settings={"WEBOT_LIMITS__MAX_CONCURRENT_TURNS": "1"}) as place:
        durable = await place.serve()
        database = {"WEBOT_STORAGE__DATABASE_URL": f"sqlite+aiosqlite:///{place.folder}/unused.db"}
        bare = await place.serve(argv=module("benchmarks.uncommitted"), settings=database)
        rounds: dict[Service, list[_Round]] = {durable: [], bare: []}
        for number in range(_ROUNDS):
            for service in (durable, bare):
                rounds[service].append(await _round(place, service, number))
        table(
            f"{_CALLBACKS} callbacks, {_CONNECTIONS} connections, median of {_ROUNDS} rounds", _rows(*rounds.values())
        )


async def _round(place: Cluster, service: Service, number: int) -> _Round:
    letters = [place.letter(f"u{n % _PEOPLE}", f"{number} {n}") for n in range(_CALLBACKS)]
    requests = [letter.request() for letter in letters]
    used, began = service.usage(), time.perf_counter()
    posted = await post_all(service.port, requests, connections=_CONNECTIONS)
    seconds = time.perf_counter() - began
    return _Round(_CALLBACKS / seconds, posted, (service.usage().cpu - used.cpu) / _CALLBACKS * 1000)


def _rows(durable: list[_Round], bare: list[_Round]) -> list[Row]:
    def middle(rounds: list[_Round]) -> _Round:
        return sorted(rounds, key=lambda one: one.per_second)[len(rounds) // 2]

    kept, dropped = middle(durable), middle(bare)
    share = kept.per_second / dropped.per_second
    slow = percentile([one.seconds for one in kept.posted], 99) * 1000
    return [
        Row(
            "durable / without commit",
            f"{share:.2f}",
            "(at least 0.5, or 1000/s)",
            share >= 0.5 or kept.per_second >= _WANTED,
        ),
        seen("durable", kept.per_second, "/s", digits=0),
        seen("without commit", dropped.per_second, "/s", digits=0),
        seen("durable, CPU each", kept.cpu, "ms", digits=2),
        seen("without commit, CPU each", dropped.cpu, "ms", digits=2),
        at_most("durable, of 100 the 99th", slow, 50, "ms"),
        seen("without commit, of 100 the 99th", percentile([one.seconds for one in dropped.posted], 99) * 1000, "ms"),
        at_most("not answered with 200", sum(one.status != 200 for one in kept.posted), 0, "", digits=0),
    ]


if __name__ == "__main__":
    programme(main)
