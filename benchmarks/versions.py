"""This version beside an earlier one, in turn: callbacks accepted and replies sent a second.

Run as `python -m benchmarks.versions REVISION [--database sqlite|postgresql]`. The earlier version is taken from git
and runs with the packages installed now; each has a database of its own on the same server.
"""

import argparse
import asyncio
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import answered, programme, town, warmed
from benchmarks.tables import Row, at_least, seen, table
from tests.resilience.cluster import Cluster, Service
from tests.resilience.postgres import postgres
from tests.resilience.webhook_clients import post_all

_CONNECTIONS = 64
_PEOPLE = 1600
_ROUNDS = 3
_ANSWERED_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class _Round:
    """Callbacks accepted and replies sent, each a second from the first callback on."""

    accepted: float
    replied: float


async def main() -> None:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("revision")
    options.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    options.add_argument("--wanted", type=float, default=2.0, help="the ratio to reach")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="webot-earlier-") as folder:
        await asyncio.to_thread(_take, asked.revision, Path(folder))
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(postgres()) if asked.database == "postgresql" else None
            rounds: dict[str, list[_Round]] = {"now": [], asked.revision: []}
            places: dict[str, tuple[Cluster, Service]] = {}
            for name, path in (("now", ""), (asked.revision, folder)):
                place = await stack.enter_async_context(town(database_url=await server.database() if server else ""))
                environ: Mapping[str, str] = {"PYTHONPATH": path} if path else {}
                service = await place.serve(settings=environ)
                await warmed(service, place)
                places[name] = (place, service)
            for number in range(_ROUNDS):
                for name, (place, service) in places.items():
                    try:
                        rounds[name].append(await _round(place, service, number))
                    except TimeoutError:
                        raise SystemExit(f"{name}, round {number}: not everything was answered") from None
    now, earlier = (_middle(rounds[name]) for name in rounds)
    table(
        f"{_PEOPLE} people at once, {asked.database}, median of {_ROUNDS} rounds, now / {asked.revision}",
        _rows(now, earlier, asked.wanted),
    )


def _take(revision: str, folder: Path) -> None:
    archive = subprocess.run(["git", "archive", revision], check=True, capture_output=True).stdout  # noqa: S603, S607
    subprocess.run(["tar", "-x", "-C", str(folder)], check=True, input=archive)  # noqa: S603, S607


async def _round(place: Cluster, service: Service, number: int) -> _Round:
    before = await place.total()
    requests = [place.letter(f"u{n}", f"round {number}").request() for n in range(_PEOPLE)]
    began, clock = time.time(), time.perf_counter()
    posted = await post_all(service.port, requests, connections=_CONNECTIONS)
    seconds = time.perf_counter() - clock
    # What was refused is not answered, and counts for nothing.
    accepted = sum(one.status == 200 for one in posted)
    ended = await answered(place, before + accepted, seconds=_ANSWERED_SECONDS)
    return _Round(accepted / seconds, accepted / (ended - began))


def _middle(rounds: list[_Round]) -> _Round:
    return _Round(statistics.median(one.accepted for one in rounds), statistics.median(one.replied for one in rounds))


def _rows(now: _Round, earlier: _Round, wanted: float) -> list[Row]:
    return [
        at_least("accepted a second, now / earlier", now.accepted / earlier.accepted, wanted, "", digits=2),
        at_least("replies a second, now / earlier", now.replied / earlier.replied, wanted, "", digits=2),
        seen("accepted, now", now.accepted, "/s", digits=0),
        seen("accepted, earlier", earlier.accepted, "/s", digits=0),
        seen("replies, now", now.replied, "/s", digits=0),
        seen("replies, earlier", earlier.replied, "/s", digits=0),
    ]


if __name__ == "__main__":
    programme(main)
