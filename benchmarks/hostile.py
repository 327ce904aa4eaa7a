"""A hundred thousand malformed, truncated, bit-flipped and hostile callbacks over HTTP."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from urllib.parse import quote

from adapters.wecom.callback.crypto import CallbackKeys
from benchmarks.harness import programme, town, warmed
from benchmarks.tables import Row, at_most, seen, table
from pipeline.ports import WebhookRequest
from tests.fakes.malformed import hostile_callbacks
from tests.resilience.cluster import Cluster
from tests.resilience.webhook_clients import post_all

_CONNECTIONS = 8


def _raw(calls: Iterator[WebhookRequest]) -> Iterator[bytes]:
    """Write calls as bytes on a wire, the impossible ones too."""
    for call in calls:
        query = "&".join(
            f"{name}={quote(value, safe='', errors='surrogatepass')}" for name, value in call.query.items()
        )
        head = f"{call.method} /gpt?{query} HTTP/1.1\r\nHost: webot\r\nContent-Length: {len(call.body)}\r\n\r\n"
        yield head.encode() + call.body


async def main() -> None:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--callbacks", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    async with town() as place:
        service = await place.serve()
        await warmed(service, place)
        requests = _raw(_calls(place, asked.seed))
        statuses: Counter[int] = Counter()
        resident = []
        for _ in range(10):
            posted = await post_all(service.port, islice(requests, asked.callbacks // 10), connections=_CONNECTIONS)
            statuses += Counter(one.status for one in posted)
            resident.append(service.usage().rss / 1e6)
            print(".", end="", flush=True, file=sys.stderr)
        # Some verify and come from nobody WeCom knows: that these get no answer is for an operator to see.
        faults = [fault for fault in service.faults() if "turn_undelivered" not in fault]
        table(f"{asked.callbacks:,} hostile callbacks, seed {asked.seed}", _rows(statuses, resident, faults))
        for fault in faults[:10]:
            print(fault)


def _calls(place: Cluster, seed: int) -> Iterator[WebhookRequest]:
    keys = CallbackKeys.of(place.app.token, place.app.encoding_aes_key, place.app.corp_id)
    return hostile_callbacks(seed, keys, agent_id=place.app.agent_id)


def _rows(statuses: Counter[int], resident: list[float], faults: list[str]) -> list[Row]:
    broken = sum(count for status, count in statuses.items() if status >= 500)
    return [
        at_most("answered with 5xx", broken, 0, "", digits=0),
        at_most("errors and exceptions in the log", len(faults), 0, "", digits=0),
        at_most("memory grown between a tenth and the end", resident[-1] - resident[0], 10, "MB"),
        seen("resident at the end", resident[-1], "MB"),
        *(seen(f"answered with {status}", count, "", digits=0) for status, count in sorted(statuses.items())),
    ]


if __name__ == "__main__":
    programme(main)
