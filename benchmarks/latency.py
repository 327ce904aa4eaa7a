"""From a callback to the call of WeCom's send API, at 20 messages a second, the model's own time left out."""

import statistics

from adapters.simulator.faults import Slow
from benchmarks.harness import programme, town, warmed
from benchmarks.tables import Row, at_most, percentile, seen, table
from tests.resilience.cluster import Cluster, Service
from tests.resilience.webhook_clients import post_steadily

_MESSAGES = 400
_PEOPLE = 100
_RATE = 20.0


async def main() -> None:
    """Run it, with WeCom near and 100 ms away."""
    async with town() as place:
        service = await place.serve()
        await warmed(service, place)
        rows = await _measure(place, service, "", 12)
        await place.wecom.add_fault(Slow(0.1), route="message/send")
        rows += await _measure(place, service, ", send API 100 ms away", 115)
        table(f"From callback to phone, {_RATE:g} messages a second, SQLite", rows)


async def _measure(place: Cluster, service: Service, how: str, bound: float) -> list[Row]:
    prefix = f"{'far' if how else 'near'}"
    letters = [place.letter(f"{prefix}{n % _PEOPLE}", f"{n}") for n in range(_MESSAGES)]
    posted = await post_steadily(service.port, [letter.request() for letter in letters], per_second=_RATE)
    left = {letter.text: one.at for letter, one in zip(letters, posted, strict=True)}
    took = [
        (message.at - left[message.text.removeprefix("echo: ")]) * 1000
        for person in range(_PEOPLE)
        for message in await place.delivered(f"{prefix}{person}", count=_MESSAGES // _PEOPLE)
    ]
    return [
        at_most(f"median{how}", statistics.median(took), bound, "ms"),
        seen(f"  of 100, the 95th{how}", percentile(took, 95), "ms"),
        seen(f"  the callback's own answer, median{how}", statistics.median(o.seconds for o in posted) * 1000, "ms"),
    ]


if __name__ == "__main__":
    programme(main)
