"""What others notice of one person with 20,000 messages waiting."""

import time

from benchmarks.harness import answered, programme, town, warmed
from benchmarks.tables import Row, at_most, seen, table
from tests.resilience.cluster import Cluster, Service
from tests.resilience.webhook_clients import post_all

_FLOOD = 20_000
_MESSAGES = 1000
_PEOPLE = 200


async def main() -> None:
    """Run it, the two in turn."""
    async with town() as place:
        quiet, flooded = await place.serve(), await _flooded(place)
        await warmed(quiet, place)
        await warmed(flooded, place)
        took: dict[Service, list[float]] = {quiet: [], flooded: []}
        cpu: dict[Service, list[float]] = {quiet: [], flooded: []}
        for number in range(3):
            for service in (quiet, flooded):
                used = service.usage()
                took[service].append(await _round(place, service, f"r{number}{service.name}"))
                cpu[service].append(service.usage().cpu - used.cpu)
        rows = [
            _ratio("time of others, flooded / quiet", min(took[flooded]) / min(took[quiet])),
            _ratio("CPU, flooded / quiet", min(cpu[flooded]) / min(cpu[quiet])),
            seen("others quiet", _MESSAGES / min(took[quiet]), "/s", digits=0),
            seen("others flooded", _MESSAGES / min(took[flooded]), "/s", digits=0),
        ]
        table(f"{_MESSAGES} messages of {_PEOPLE} others beside one with {_FLOOD:,} waiting, best of 3", rows)


async def _flooded(place: Cluster) -> Service:
    """Start a service and let one person write far more than WeCom lets him be answered."""
    database = {"WEBOT_STORAGE__DATABASE_URL": f"sqlite+aiosqlite:///{place.folder}/flooded.db"}
    service = await place.serve(settings=database)
    requests = (place.letter("flooder", f"{n}").request() for n in range(_FLOOD))
    posted = await post_all(service.port, requests, connections=32)
    assert all(one.status == 200 for one in posted)  # noqa: S101 -- what follows means nothing otherwise
    return service


async def _round(place: Cluster, service: Service, prefix: str) -> float:
    requests = [place.letter(f"{prefix}u{n % _PEOPLE}", f"{n}").request() for n in range(_MESSAGES)]
    before, began = await place.total(), time.time()
    await post_all(service.port, requests, connections=32)
    return await answered(place, before + _MESSAGES) - began


def _ratio(what: str, value: float) -> Row:
    return at_most(what, value, 1.2, "", digits=2)


if __name__ == "__main__":
    programme(main)
