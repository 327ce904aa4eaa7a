"""One person with 20,000 messages waiting, and what the others notice of it."""

import asyncio
from collections.abc import Sequence
from statistics import median

from benchmarks.harness import programme, town, warmed
from benchmarks.tables import Row, percentile, seen, table
from tests.resilience.callers import Posted, post_all, post_steadily
from tests.resilience.town import Service, Town

_FLOOD = 20_000
_PEOPLE = 400
_PER_SECOND = 20.0
_ROUNDS = 3


async def main() -> None:
    """Run it."""
    async with town() as place:
        service = await place.serve()
        await warmed(service, place)
        quiet = [await _others(place, service, f"quiet{round_}") for round_ in range(_ROUNDS)]
        flood = [place.letter("flooder", f"{number}").request() for number in range(_FLOOD)]
        posted = await post_all(service.port, flood, connections=32)
        if {200} != {one.status for one in posted}:
            raise RuntimeError("the flood was not accepted")
        flooded = [await _others(place, service, f"flooded{round_}") for round_ in range(_ROUNDS)]
        waiting = _FLOOD - len(await place.wecom.messages("flooder", count=0, within=1))
    ratio = median(median(times) for times in flooded) / median(median(times) for times in quiet)
    table(
        f"{_PEOPLE} people, {_PER_SECOND:g} messages a second, from the callback to the answer on the phone",
        [
            seen("without a flood, median", median(map(median, quiet)) * 1000, "ms"),
            seen("with one, median", median(map(median, flooded)) * 1000, "ms"),
            seen("without a flood, p99", max(percentile(times, 99) for times in quiet) * 1000, "ms"),
            seen("with one, p99", max(percentile(times, 99) for times in flooded) * 1000, "ms"),
            seen("still waiting for the flooder at the end", waiting, "messages", digits=0),
            Row("ratio of the medians", f"{ratio:.2f}", "(at most 1.2)", holds=ratio <= 1.2),
        ],
    )


async def _others(place: Town, service: Service, name: str) -> Sequence[float]:
    letters = [place.letter(f"{name}-{number}", "你好") for number in range(_PEOPLE // _ROUNDS)]
    posted: Sequence[Posted] = await post_steadily(
        service.port, [letter.request() for letter in letters], per_second=_PER_SECOND
    )
    came = await asyncio.gather(*(place.delivered(letter.said.user, count=1) for letter in letters))
    return [messages[0].at - one.at for messages, one in zip(came, posted, strict=True)]


if __name__ == "__main__":
    programme(main)
