"""A thousand people at once, and WeCom delivers every callback three times."""

from random import Random

from benchmarks.harness import answered, programme, town, warmed
from benchmarks.tables import Row, at_most, percentile, seen, table
from tests.resilience.webhook_clients import post_all

_PEOPLE = 1000
_TIMES = 3


async def main() -> None:
    """Run it."""
    async with town() as place:
        service = await place.serve()
        await warmed(service, place)
        before = await place.total()
        letters = [place.letter(f"u{n}", f"once {n}") for n in range(_PEOPLE)]
        # Sealed anew each time; the copies come close together, in any order.
        requests = [letter.request() for letter in letters for _ in range(_TIMES)]
        Random(1).shuffle(requests)  # noqa: S311 -- a seed makes a run repeatable
        posted = await post_all(service.port, requests, connections=64)
        await answered(place, before + _PEOPLE)
        wrong = [
            letter.said.user
            for letter in letters
            if [f"echo: {letter.text}"]
            != [message.text for message in await place.delivered(letter.said.user, count=1)]
        ]
        table(
            f"{_PEOPLE} messages, each delivered {_TIMES} times",
            _rows(posted=[o.status for o in posted], slow=[o.seconds for o in posted], wrong=wrong),
        )


def _rows(*, posted: list[int], slow: list[float], wrong: list[str]) -> list[Row]:
    return [
        at_most("people answered otherwise than once", len(wrong), 0, "", digits=0),
        at_most("callbacks not answered with 200", sum(status != 200 for status in posted), 0, "", digits=0),
        seen("callback, of 100 the 99th", percentile(slow, 99) * 1000, "ms"),
    ]


if __name__ == "__main__":
    programme(main)
