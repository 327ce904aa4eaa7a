"""A hundred thousand malformed, truncated, bit-flipped and hostile callbacks, over HTTP to the real service."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from urllib.parse import urlencode

from adapters.wecom.crypto import CallbackKeys
from benchmarks.harness import programme, town, warmed
from benchmarks.tables import Row, at_most, seen, table
from pipeline.ports import Call
from tests.fakes.hostile import hostile_callbacks
from tests.resilience.callers import http_post, post_all
from tests.resilience.town import Town

_CALLBACKS = 100_000
_WARM = 10_000
_SERVER_FAULT = 500


async def main() -> None:
    """Run it."""
    async with town() as place:
        service = await place.serve()
        await warmed(service, place)
        requests = _requests(place)
        statuses = Counter(one.status for one in await post_all(service.port, islice(requests, _WARM), connections=16))
        before = service.usage()
        posted = await post_all(service.port, islice(requests, _CALLBACKS - _WARM), connections=16)
        statuses.update(one.status for one in posted)
        after = service.usage()
        broken = sum(count for status, count in statuses.items() if status >= _SERVER_FAULT)
        faults = service.faults()
        table(
            f"{_CALLBACKS:,} hostile callbacks",
            [
                Row("answers", ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))),
                Row("answers of 500 and above", str(broken), "(none)", holds=not broken),
                Row("exceptions in the log", str(len(faults)), "(none)", holds=not faults),
                at_most("growth after the first 10,000", (after.rss - before.rss) / 1e6, 20, "MB"),
                seen("CPU a callback", (after.cpu - before.cpu) / (_CALLBACKS - _WARM) * 1000, "ms", digits=3),
            ],
        )
        for fault in faults[:5]:
            print(fault)


def _requests(place: Town) -> Iterator[bytes]:
    app = place.app
    keys = CallbackKeys.of(app.token, app.encoding_aes_key, app.corp_id)
    for call in hostile_callbacks(1, keys, agent_id=app.agent_id):
        yield _request(call)


def _request(call: Call) -> bytes:
    target = f"/gpt?{urlencode(call.query, errors='replace')}"
    if call.method == "POST":
        return http_post(target, call.body)
    return f"{call.method} {target} HTTP/1.1\r\nHost: webot\r\nContent-Length: 0\r\n\r\n".encode()


if __name__ == "__main__":
    programme(main)
