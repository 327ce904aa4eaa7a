"""Answers a second on one core, and the CPU each costs, with a model that answers at once."""

import time

from benchmarks.harness import ONE_CORE, answered, programme, town, warmed
from benchmarks.tables import at_least, at_most, seen, table
from tests.resilience.webhook_clients import post_all

_MESSAGES = 3000
_PEOPLE = 300


async def main() -> None:
    """Run it."""
    async with town(apart=True) as place:
        service = await place.serve(cpus=ONE_CORE)
        await warmed(service, place)
        before = await place.total()
        requests = [place.letter(f"u{n % _PEOPLE}", f"message {n}").request() for n in range(_MESSAGES)]
        began, used = time.time(), service.usage()
        posted = await post_all(service.port, requests, connections=32)
        ended = await answered(place, before + _MESSAGES)
        cpu = service.usage().cpu - used.cpu
        accepted = sum(one.status == 200 for one in posted)
        table(
            f"{_MESSAGES} messages of {_PEOPLE} people, webot on one core, SQLite",
            [
                at_least("replies a second", _MESSAGES / (ended - began), 150, "/s"),
                at_most("CPU a message", cpu / _MESSAGES * 1000, 6, "ms", digits=2),
                seen("replies one core has CPU for", _MESSAGES / cpu, "/s", digits=0),
                seen("accepted", accepted, "", digits=0),
                seen("resident", service.usage().rss / 1e6, "MB"),
            ],
        )


if __name__ == "__main__":
    programme(main)
