"""Five hundred conversations waiting on a model that takes two seconds, in one process."""

import time

from benchmarks.harness import answered, programme, town, warmed
from benchmarks.tables import at_most, seen, table
from tests.resilience.webhook_clients import post_all

_CONVERSATIONS = 500
_MODEL_SECONDS = 2.0


async def main() -> None:
    """Run it."""
    async with town(model_delay=_MODEL_SECONDS) as place:
        service = await place.serve()
        await warmed(service, place)
        before, used = await place.total(), service.usage()
        requests = [place.letter(f"u{n}", "how long does it take?").request() for n in range(_CONVERSATIONS)]
        began = time.time()
        posted = await post_all(service.port, requests, connections=64)
        ended = await answered(place, before + _CONVERSATIONS)
        usage = service.usage()
        table(
            f"{_CONVERSATIONS} conversations at once, the model takes {_MODEL_SECONDS:g} s, SQLite",
            [
                at_most("all answered after", ended - began, 6, "s", digits=2),
                at_most("resident", usage.rss / 1e6, 300, "MB"),
                at_most("slowest callback", max(one.seconds for one in posted) * 1000, 5000, "ms"),
                seen("CPU a conversation", (usage.cpu - used.cpu) / _CONVERSATIONS * 1000, "ms", digits=2),
            ],
        )


if __name__ == "__main__":
    programme(main)
