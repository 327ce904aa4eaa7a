"""What open consoles cost those who write: accepting callbacks beside fifty of them, and without.

Run as `python -m benchmarks.consoles [--consoles 50]`. Each console holds two pages open, as `open_consoles` says. In
every round alike, callbacks come at a steady rate to a model that hangs, so that the turns page is full, and in the
chat that all consoles show someone writes every second and is answered. Rounds with and without consoles alternate.
"""

import argparse
import asyncio
import re
import statistics
from collections import Counter
from collections.abc import Sequence

import aiohttp

from benchmarks.harness import programme, town
from benchmarks.tables import Row, at_most, percentile, seen, table
from tests.resilience.cluster import Cluster, Service
from tests.resilience.processes import Program, module
from tests.resilience.webhook_clients import Posted, post_steadily
from web.security.account_lookup import COOKIE

_PER_SECOND = 50.0
_CALLBACKS = 1000
_WRITERS = 4
_ROUNDS = 3
_WANTED = 1.5
_CODE = re.compile(r"(http://[^/\s]+)/console/sign-in\?code=(\S+)")


async def main() -> None:
    """Alternate quiet rounds and rounds beside the consoles."""
    options = argparse.ArgumentParser()
    options.add_argument("--consoles", type=int, default=50)
    consoles: int = options.parse_args().consoles
    settings = {
        # Those who write are answered by nobody; who chats needs a turn beside them.
        "WEBOT_LIMITS__MAX_CONCURRENT_TURNS": str(_WRITERS + 2),
        "WEBOT_CHANNELS__CHAT__KIND": "wecom_app",
        "WEBOT_CHANNELS__CHAT__PATH": "/chat",
    }
    async with town(model_delay=3600.0, settings=settings) as place:
        service = await place.serve()
        url, cookie = await _sign_in(service)
        chatting = asyncio.create_task(_chat(url, cookie))
        await _round(place, service, "warm")
        quiet: list[Sequence[Posted]] = []
        beside: list[Sequence[Posted]] = []
        used = [0.0, 0.0]
        for number in range(_ROUNDS):
            before = service.usage().cpu
            quiet.append(await _round(place, service, f"q{number}"))
            used[0] += service.usage().cpu - before
            browsers = Program(
                module("benchmarks.open_consoles", url, cookie, str(consoles)), folder=place.folder, name=f"b{number}"
            )
            await browsers.start()
            before = service.usage().cpu
            beside.append(await _round(place, service, f"b{number}"))
            used[1] += service.usage().cpu - before
            if not browsers.runs:
                raise RuntimeError(f"the consoles have ended: {browsers.errors.read_text()[-2000:]}")
            await browsers.kill()
        chatting.cancel()
        await asyncio.gather(chatting, return_exceptions=True)
    table(f"Accepting {_PER_SECOND:g} callbacks a second beside {consoles} open consoles", _rows(quiet, beside, used))


def _rows(quiet: Sequence[Sequence[Posted]], beside: Sequence[Sequence[Posted]], used: Sequence[float]) -> list[Row]:
    ratio = statistics.median(_slow(after) / _slow(before) for before, after in zip(quiet, beside, strict=True))
    seconds = _ROUNDS * _CALLBACKS / _PER_SECOND
    rows = []
    for name, rounds, cpu in (("quiet", quiet, used[0]), ("beside", beside, used[1])):
        rows.append(seen(f"{name}, of 100 the 99th", statistics.median(map(_slow, rounds)), "ms"))
        rows.append(seen(f"{name}, the median", statistics.median(_slow(one, 50) for one in rounds), "ms"))
        rows.append(seen("  webot's CPU", cpu / seconds * 100, "%"))
        missed = Counter(one.status for posted in rounds for one in posted if one.status != 200)
        named = "".join(f", {status}: {count}" for status, count in sorted(missed.items()))
        rows.append(at_most(f"  not answered with 200{named}", missed.total(), 0, "", digits=0))
    rows.append(at_most(f"beside / quiet, the 99th, median of {_ROUNDS}", ratio, _WANTED, "", digits=2))
    return rows


async def _sign_in(service: Service) -> tuple[str, str]:
    """Use the address that the start prints; return the console's own, and the cookie of the session."""
    async with asyncio.timeout(30):
        while not (found := _CODE.search("\n".join(service.said))):  # noqa: ASYNC110 -- printed by another process
            await asyncio.sleep(0.05)
    url, code = found.groups()
    async with (
        aiohttp.ClientSession(url, raise_for_status=True) as browser,
        browser.post("/console/sign-in", data={"code": code}, allow_redirects=False) as answer,
    ):
        return url, f"{COOKIE}={answer.cookies[COOKIE].value}"


async def _chat(url: str, cookie: str) -> None:
    async with aiohttp.ClientSession(url, headers={"Cookie": cookie}, raise_for_status=True) as browser:
        while True:
            async with browser.post("/console/do", data={"channel": "chat", "text": "@help"}) as answer:
                await answer.read()
            await asyncio.sleep(1.0)


async def _round(place: Cluster, service: Service, name: str) -> Sequence[Posted]:
    requests = [place.letter(f"w{n % _WRITERS}", f"{name} {n}").request() for n in range(_CALLBACKS)]
    return await post_steadily(service.port, requests, per_second=_PER_SECOND)


def _slow(posted: Sequence[Posted], share: float = 99) -> float:
    return percentile([one.seconds for one in posted], share) * 1000


if __name__ == "__main__":
    programme(main)
