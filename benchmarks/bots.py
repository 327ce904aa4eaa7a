"""Streams of an AI bot that is connected: their first word, 500 at once, their CPU, and short answers a second.

webot is on one core, WeCom and the model are in this process on another.
"""

import argparse
import asyncio
import os
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from sqlalchemy import func, select

from adapters.aibot.event_reader import event_key
from adapters.aibot.frames import stream_id_of
from adapters.simulator.phone import Phone
from adapters.simulator.platform.apps import App, invent_app
from benchmarks.harness import CORES, ONE_CORE, OTHERS, programme
from benchmarks.paced_model import PacedModel
from benchmarks.tables import at_least, at_most, percentile, seen, table
from storage.database.access import open_for_cli
from storage.database.tables import inbox
from tests.resilience.bot_cluster import BotCluster

_THROTTLE = 0.5
_NUMBER = re.compile(r"w(\d+)")
_FIRSTS, _STREAMS, _LONG, _SHORT, _PEOPLE = 60, 500, 20, 3000, 300


async def main() -> None:
    """Run them all, or those named."""
    parts = {"first": _first_word, "many": _many_streams, "cpu": _cpu_of_streaming, "short": _short_answers}
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("parts", nargs="*", choices=[*parts, []], help="which to measure; else all")
    wanted = asked.parse_args().parts or list(parts)
    os.sched_setaffinity(0, OTHERS)
    try:
        for name in wanted:
            await parts[name]()
    finally:
        os.sched_setaffinity(0, CORES)


async def _first_word() -> None:
    async with PacedModel(pieces=30, delay=0.8, pause=0.02) as model, _bot(model) as cluster:
        late = []
        for number in range(_FIRSTS):
            phone = cluster.simulator.phone(f"u{number}", agent_id=cluster.app.agent_id)
            key = await _asked(cluster, phone, f"q{number}")
            await phone.messages(within=60)
            frames = [at for at, frame in cluster.simulator.bots.shown if _shows(frame, key)]
            late.append((frames[0] - model.written[f"q{number}"][0]) * 1000)
        rows = [
            at_most("median", statistics.median(late), 60, "ms"),
            seen("of 100, the 95th", percentile(late, 95), "ms"),
        ]
        table("From the model's first token to the first frame that shows it", rows)


async def _many_streams() -> None:
    async with PacedModel(pieces=20, delay=1.0, pause=0.5) as model, _bot(model) as cluster:
        cluster.simulator.bots.answers.most_shown = 100_000
        phones = [cluster.simulator.phone(f"u{number}", agent_id=cluster.app.agent_id) for number in range(_STREAMS)]
        process = psutil.Process(cluster.services[0].pid)
        used = cluster.services[0].usage().cpu
        keys = await asyncio.gather(*(_asked(cluster, phone, f"q{number}") for number, phone in enumerate(phones)))
        peak = [0]
        ended = asyncio.gather(*(phone.messages(within=120) for phone in phones))
        while not ended.done():
            peak.append(process.memory_info().rss)
            await asyncio.wait({ended}, timeout=0.25)
        cpu = cluster.services[0].usage().cpu - used
        delays = _delays(cluster, model, {stream_id_of(key): f"q{number}" for number, key in enumerate(keys)})
        frames = len(cluster.simulator.bots.shown)
        rows = [
            at_most("slowest piece, beyond the throttle", max(delays), 1.0, "s", digits=2),
            seen("of 100, the 99th", percentile(delays, 99), "s", digits=2),
            at_most("resident at the most", max(peak) / 1e6, 350, "MB"),
            seen("frames", frames, "", digits=0),
            seen("CPU a frame", cpu / frames * 1000, "ms", digits=2),
        ]
        table(f"{_STREAMS} streams at once", rows)


async def _cpu_of_streaming() -> None:
    app = invent_app(agent_id=1000009)
    async with PacedModel(pieces=2000, pause=0.02) as model, _bot(model, app) as cluster:
        service = cluster.services[0]
        cost = {"streamed": float("inf"), "unstreamed": float("inf")}
        for round_ in range(2):
            for how, agent_id in (("streamed", cluster.app.agent_id), ("unstreamed", app.agent_id)):
                phones = [cluster.simulator.phone(f"{how}{round_}n{n}", agent_id=agent_id) for n in range(_LONG)]
                used = service.usage().cpu
                await asyncio.gather(*(phone.say("q") for phone in phones))
                await asyncio.gather(*(phone.messages(within=240) for phone in phones))
                await _idle(cluster)
                cost[how] = min(cost[how], (service.usage().cpu - used) / _LONG * 1000)
        rows = [
            at_most("streamed / unstreamed", cost["streamed"] / cost["unstreamed"], 3.0, "", digits=2),
            seen("streamed, 40 s long", cost["streamed"], "ms", digits=0),
            seen("unstreamed", cost["unstreamed"], "ms", digits=0),
        ]
        table("CPU of an answer of 2,000 tokens, best of two rounds", rows)


async def _short_answers() -> None:
    async with PacedModel(pieces=5) as model, _bot(model) as cluster:
        service = cluster.services[0]
        phones = [cluster.simulator.phone(f"u{number}", agent_id=cluster.app.agent_id) for number in range(_PEOPLE)]
        for phone in phones[:20]:
            await phone.say("warm up")
        await asyncio.gather(*(phone.messages(within=60) for phone in phones[:20]))
        began, used, waited = time.monotonic(), service.usage().cpu, _waited_for_a_core(service.pid)
        each = _SHORT // _PEOPLE
        for phone in phones:
            for number in range(each):
                await phone.say(f"q{number}")
        await asyncio.gather(*(phone.messages(count=each, within=120) for phone in phones[20:]))
        took, cpu = time.monotonic() - began, service.usage().cpu - used
        waited = _waited_for_a_core(service.pid) - waited
        rows = [
            at_least("answers one core has CPU for", _SHORT / cpu, 150, "/s"),
            seen("answers a second", _SHORT / took, "/s", digits=0),
            seen("of the time, webot at work", cpu / took * 100, "%", digits=0),
            seen("of the time, webot kept waiting for its core", waited / took * 100, "%", digits=0),
            seen("CPU an answer", cpu / _SHORT * 1000, "ms", digits=2),
        ]
        table(f"{_SHORT} short answers over one connection, webot on one core, SQLite", rows)


@asynccontextmanager
async def _bot(model: PacedModel, app: App | None = None) -> AsyncIterator[BotCluster]:
    settings = {"WEBOT_CHAT__THINKING_SECONDS": "0"}
    with tempfile.TemporaryDirectory(prefix="webot-bench-") as folder:
        cluster = BotCluster(Path(folder), "connection", model_url=model.base_url, settings=settings, cpus=ONE_CORE)
        async with cluster:
            if app is not None:
                names = ("corp_id", "secret", "agent_id", "token", "encoding_aes_key")
                cluster.settings |= {
                    f"WEBOT_CHANNELS__WECOM__{name.upper()}": str(getattr(app, name)) for name in names
                }
                cluster.settings["WEBOT_CHANNELS__WECOM__API_BASE"] = cluster.simulator.url
            await cluster.start(1)
            if app is not None:
                cluster.simulator.register(
                    replace(app, callback_url=f"http://127.0.0.1:{cluster.services[0].port}/gpt")
                )
            await cluster.simulator.bots.connected(cluster.app, within=60)
            yield cluster


async def _asked(cluster: BotCluster, phone: Phone, words: str) -> str:
    posting = await phone.say(words)
    return event_key(cluster.app.bot_id, posting.msg_id)


async def _idle(cluster: BotCluster) -> None:
    """Return when no turn is left to be answered or sent."""
    left = select(func.count()).select_from(inbox).where(inbox.c.state.in_(("waiting", "answered")))
    async with open_for_cli(cluster.database_url) as database, asyncio.timeout(240):
        while True:
            async with database.read() as connection:
                if not (await connection.execute(left)).scalar_one():
                    return
            await asyncio.sleep(0.1)


def _waited_for_a_core(pid: int) -> float:
    """Return for how many seconds the process's main thread has been ready to run and had no core."""
    _, waited, _ = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    return int(waited) / 1e9


def _shows(frame: object, key: str) -> bool:
    return isinstance(frame, dict) and frame["id"] == stream_id_of(key) and "w0" in str(frame["content"])


def _delays(cluster: BotCluster, model: PacedModel, asked: dict[str, str]) -> list[float]:
    """Return for each piece how long after the throttle it was shown, at the earliest at once."""
    delays = []
    shown: dict[str, int] = {}
    for at, frame in cluster.simulator.bots.shown:
        stream = str(frame["id"])
        numbers = _NUMBER.findall(str(frame["content"]))
        last, before = (int(numbers[-1]) if numbers else -1), shown.get(stream, -1)
        moments = model.written[asked[stream]]
        delays += [max(0.0, at - moments[number] - _THROTTLE) for number in range(before + 1, last + 1)]
        shown[stream] = max(before, last)
    return delays


if __name__ == "__main__":
    programme(main)
