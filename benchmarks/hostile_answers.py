"""Hostile answers of a model, `--answers 100000`: every turn ends, the probe beside them never waits, memory is flat.

`--minutes` makes a soak of it: hostile answers, hostile messages and ordinary ones go on together for that long.
`--only` names one of the databases.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from sqlalchemy import exists, func, select

from benchmarks.harness import programme, town, warmed
from benchmarks.tables import Row, at_most, percentile, seen, table
from storage.database.engine import Database, open_database
from storage.database.tables import inbox, outbox
from storage.monitoring.views import count_turns, list_turns
from tests.fakes.hostile_answers import hostile_text
from tests.resilience.cluster import Cluster, Service, free_port
from tests.resilience.postgres import postgres
from tests.resilience.processes import Program, module
from tests.resilience.webhook_clients import Posted, dial, post_all

_CONNECTIONS = 8
_PEOPLE = 1000
_OPEN = 300
"""Turns that wait or run at once, so that none waits for another's pause before it is tried again."""
_POSTED = 50
"""Messages between two looks at how many are open, and at memory."""
_LONGEST = 250.0
"""Milliseconds the probe may wait."""
_PROBE = b"GET /healthz HTTP/1.1\r\nHost: webot\r\n\r\n"
_COMMANDS = ("", "", "", "@prompt-set ", "@role ", "@history ", "@image ", "@export ", "@model ", "@bad ")
_JSON_CHAIN = 'command = "@json"\nanswer_format = "json"\nsystem_prompt = "Answer in JSON."\n'
_MESSAGE_BYTES = 2048
_SILENT = (
    select(func.count()).select_from(inbox).where(~exists().where(outbox.c.turn_id == inbox.c.id, outbox.c.sent_at > 0))
)


@dataclass
class _Seen:
    """What was seen while it ran."""

    statuses: Counter[int] = field(default_factory=Counter)
    probes: list[float] = field(default_factory=list)
    ordinary: list[float] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)
    messages: int = 0
    seconds: float = 0.0


async def main() -> None:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--answers", type=int, default=10_000)
    options.add_argument("--minutes", type=float, default=0.0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", choices=("sqlite", "postgresql"))
    asked = options.parse_args()
    if asked.only != "postgresql":
        await _measure("SQLite", "", asked)
    if asked.only != "sqlite":
        async with postgres() as server:
            await _measure("PostgreSQL", await server.database(), asked)


async def _measure(title: str, database_url: str, asked: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack, town(database_url=database_url) as place:
        port = free_port()
        model = Program(
            module("tests.fakes.hostile_model", "--port", str(port), "--seed", str(asked.seed)),
            folder=place.folder,
            name="hostile-model",
        )
        await model.start()
        stack.push_async_callback(model.kill)
        settings = {
            "WEBOT_MODELS__DEFAULT__BASE_URL": f"http://127.0.0.1:{port}/v1",
            # A model that draws, so that a tool is offered: calls that are written into words are then looked for.
            "WEBOT_MODELS__IMAGE__PROVIDER": "demo",
        }
        await asyncio.to_thread(_add_chain, place.folder)
        service = await place.serve(settings=settings)
        await warmed(service, place)
        happened = _Seen()
        database = await asyncio.to_thread(open_database, place.database_url)
        stack.push_async_callback(database.close)
        beside = [
            asyncio.create_task(_probe(service, happened)),
            asyncio.create_task(_talk(place, service, happened)),
        ]
        try:
            began = time.monotonic()
            until = began + asked.minutes * 60
            for requests in _batches(place, asked.seed, mixed=asked.minutes > 0):
                posted = await post_all(service.port, requests, connections=_CONNECTIONS)
                happened.statuses += Counter(one.status for one in posted)
                happened.messages += len(posted)
                await _until_open(database, _OPEN)
                happened.resident.append(service.usage().rss / 1e6)
                if time.monotonic() > until if asked.minutes else happened.messages >= asked.answers:
                    break
            await _until_open(database, 0)
            happened.seconds = time.monotonic() - began
        finally:
            for task in beside:
                task.cancel()
            for ended in await asyncio.gather(*beside, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended
        table(f"{happened.messages:,} hostile answers, {title}, seed {asked.seed}", await _rows(database, happened))


def _add_chain(folder: Path) -> None:
    """Let a chain answer in JSON."""
    chains = folder / "data" / "chains"
    chains.mkdir(parents=True, exist_ok=True)
    (chains / "hostile.toml").write_text(_JSON_CHAIN, encoding="utf-8")


def _batches(place: Cluster, seed: int, *, mixed: bool) -> Iterator[Iterator[bytes]]:
    random = Random(seed)  # noqa: S311 -- the same for a seed is the point
    number = 0
    while True:
        yield (_request(place, random, number + offset, mixed=mixed) for offset in range(_POSTED))
        number += _POSTED


def _request(place: Cluster, random: Random, number: int, *, mixed: bool) -> bytes:
    text = f"@json poison {number}" if number % 4 == 0 else f"poison {number}"
    if mixed and random.random() < 0.5:
        words = random.choice(_COMMANDS) + hostile_text(random, _MESSAGE_BYTES)
        text = words.encode(errors="ignore")[:_MESSAGE_BYTES].decode(errors="ignore")
    return place.letter(f"p{random.randrange(_PEOPLE)}", text).request()


async def _until_open(database: Database, most: int) -> None:
    """Return once no more turns than that have not ended; `TimeoutError` if they do not."""
    try:
        async with asyncio.timeout(300):
            while await count_turns(database, "waiting") > most:  # noqa: ASYNC110 -- in another process
                await asyncio.sleep(0.05)
    except TimeoutError:
        for turn in await list_turns(database, "waiting"):
            print(turn)
        raise


async def _talk(place: Cluster, service: Service, happened: _Seen) -> None:
    """Send an ordinary message of a new person every second; note until it is answered, in milliseconds."""
    for number in count():
        began = time.perf_counter()
        await post_all(service.port, [place.letter(f"ordinary{number}", "你好").request()], connections=1)
        await place.delivered(f"ordinary{number}", count=1, within=60.0)
        happened.ordinary.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(1.0)


async def _probe(service: Service, happened: _Seen) -> None:
    """Ask for /healthz twenty times a second, and note how long each answer took, in milliseconds."""
    line = await dial(service.port)
    while True:
        if not line.is_open:
            line = await dial(service.port)
        posted: Posted = await line.post(_PROBE, patience=60.0)
        if posted.status:
            happened.probes.append(posted.seconds * 1000)
        await asyncio.sleep(0.05)


async def _rows(database: Database, happened: _Seen) -> Sequence[Row]:
    waiting, failed = await count_turns(database, "waiting"), await count_turns(database, "failed")
    async with database.read() as connection:
        silent = (await connection.execute(_SILENT)).scalar_one()
    quarter = happened.resident[len(happened.resident) // 4]
    return [
        seen("messages a second", happened.messages / happened.seconds, "/s"),
        at_most("slowest answer to the probe", max(happened.probes), _LONGEST, "ms"),
        seen("  of 100 the 99th", percentile(happened.probes, 99), "ms"),
        at_most("turns that have not ended", waiting, 0, "", digits=0),
        at_most("turns that ended without a message", silent, 0, "", digits=0),
        seen("turns that failed", failed, "", digits=0),
        at_most("not answered with 200", sum(happened.statuses.values()) - happened.statuses[200], 0, "", digits=0),
        seen("ordinary messages beside them, each answered", len(happened.ordinary), "", digits=0),
        seen("  of 100 the 99th", percentile(happened.ordinary, 99), "ms"),
        at_most("memory grown since the first quarter", happened.resident[-1] - quarter, 20, "MB"),
        seen("resident at the end", happened.resident[-1], "MB"),
    ]


if __name__ == "__main__":
    programme(main)
