"""What a big export costs those who write meanwhile: accepting callbacks, quiet and beside it.

Run as `python -m benchmarks.beside [MESSAGES]`. Callbacks come at a steady rate; the model hangs, so what is measured
is accepting. With fewer messages than the default an export may be over before its round is; the table shows whether.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.exports import Case, fill
from benchmarks.harness import programme, town
from benchmarks.tables import Row, at_most, percentile, seen, table
from tests.resilience.cluster import Cluster, Service
from tests.resilience.processes import Program, module
from tests.resilience.webhook_clients import Posted, post_all, post_steadily

_MESSAGES = 20_000
_PER_SECOND = 50.0
_CALLBACKS = 1000
_WRITERS = 4
_WANTED = 2.0


async def main() -> None:
    """Run quiet, beside `webot export`, quiet again, and beside `@export` within the service."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else _MESSAGES
    with tempfile.TemporaryDirectory() as folder:
        await fill(Path(folder), Case("", 1, messages // 2, "pdf", ""), 1.0)
        url = f"sqlite+aiosqlite:///{folder}/webot.db"
        # Those who write are answered by nobody; the person who exports needs a turn beside them.
        limits = {"WEBOT_LIMITS__MAX_CONCURRENT_TURNS": str(_WRITERS + 1)}
        async with town(model_delay=3600.0, database_url=url, settings=limits) as place:
            await _measure(place, await place.serve(), url, messages)


async def _measure(place: Cluster, service: Service, url: str, messages: int) -> None:
    quiet = await _round(place, service, "a")
    export = Program(
        module("web.cli", "export", "--format", "pdf", "--out", "exported"),
        folder=place.folder,
        name="export",
        environ={"WEBOT_STORAGE__DATABASE_URL": url},
    )
    starting = asyncio.create_task(_run(export))
    beside = await _round(place, service, "b")
    rows: list[Row] = [seen("webot export was done before the round", float(starting.done()), "", digits=0)]
    if export.runs:
        await export.kill()
    await asyncio.gather(starting, return_exceptions=True)
    again = await _round(place, service, "c")
    await post_all(service.port, [place.letter("u0", "@export").request()], connections=1)
    within = await _round(place, service, "d")
    rows.append(seen("rendering for @export when the round ended", float(_processes(service)), "processes", digits=0))
    bound = max(_slow(quiet), _slow(again))
    rows += [seen("quiet, of 100 the 99th", _slow(quiet), "ms"), seen("quiet again", _slow(again), "ms")]
    for name, posted in (("beside webot export", beside), ("beside @export", within)):
        rows.append(seen(name, _slow(posted), "ms"))
        rows.append(at_most(f"{name} / quiet", _slow(posted) / bound, _WANTED, "", digits=2))
        rows.append(at_most("  not answered with 200", sum(one.status != 200 for one in posted), 0, "", digits=0))
    table(f"Accepting {_PER_SECOND:g} callbacks a second beside a PDF of {messages} messages", rows)


async def _run(export: Program) -> None:
    await export.start(within=600.0)


async def _round(place: Cluster, service: Service, name: str) -> Sequence[Posted]:
    requests = [place.letter(f"w{n % _WRITERS}", f"{name} {n}").request() for n in range(_CALLBACKS)]
    return await post_steadily(service.port, requests, per_second=_PER_SECOND)


def _processes(service: Service) -> int:
    started = psutil.Process(service.pid).children(recursive=True)
    return sum("exports.workers.child" in each.cmdline() for each in started)


def _slow(posted: Sequence[Posted]) -> float:
    return percentile([one.seconds for one in posted], 99) * 1000


if __name__ == "__main__":
    programme(main)
