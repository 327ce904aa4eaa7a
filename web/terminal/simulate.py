"""Runs a scripted simulation from the shell, shows progress and writes the report."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipeline.text.i18n import Catalogue, Sentence
from web.settings.loading import Loaded
from web.simulate.player import Plan
from web.terminal.client import Client, NotAnswered, reached

_COUNTS = ("users", "sent", "accepted", "answered", "apologies", "silent", "lost", "duplicated", "out_of_order")
_FAULTS = ("lost", "duplicated", "out_of_order")


async def run_simulation(
    loaded: Loaded, plan: Plan, *, folder: Path, channel: str, as_json: bool, stdout: TextIO, stderr: TextIO
) -> bool:
    """Play the plan and write the report; false if anything was lost, duplicated or out of order.

    `folder` is for what a service of this process's own keeps.
    """
    catalogue = await asyncio.to_thread(Catalogue, loaded.settings.chat.language)
    async with reached(loaded, own=_throwaway(loaded, folder)) as (client, _):
        found = await client.simulated(channel)
        report = await _play(client, plan, str(found["name"]), stderr, catalogue)
    if as_json:
        stdout.write(json.dumps(report) + "\n")
    else:
        Console(file=stdout).print(_table(report, catalogue))
    return not any(report[name] for name in _FAULTS)


def _throwaway(loaded: Loaded, folder: Path) -> Loaded:
    """Return settings that leave no trace among real conversations, and let everybody speak as fast as they like."""
    settings = loaded.settings
    storage = settings.storage.model_copy(
        update={"database_url": SecretStr(f"sqlite+aiosqlite:///{folder}/webot.db"), "data_dir": str(folder)}
    )
    limits = settings.limits.model_copy(update={"per_user_per_minute": 0})
    return replace(loaded, settings=settings.model_copy(update={"storage": storage, "limits": limits}), source=None)


async def _play(client: Client, plan: Plan, channel: str, stderr: TextIO, catalogue: Catalogue) -> Mapping[str, Any]:
    async with _bar(plan, stderr, catalogue) as bar:
        async for step in client.simulate(channel, plan.model_dump_json().encode()):
            if step["kind"] == "report":
                return step
            bar(step["sent"], step["seen"])
    raise NotAnswered(Sentence("shell.simulate_stopped"))


@asynccontextmanager
async def _bar(plan: Plan, stderr: TextIO, catalogue: Catalogue) -> AsyncIterator[Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(file=stderr)
    with Progress(*columns, console=console, disable=not stderr.isatty(), transient=True) as progress:
        said = progress.add_task(catalogue.text("shell.simulate_said"), total=plan.messages)
        came = progress.add_task(catalogue.text("shell.simulate_came_back"), total=plan.messages)

        def show(sent: int, seen: int) -> None:
            progress.update(said, completed=sent)
            progress.update(came, completed=min(seen, plan.messages))

        yield show


def _table(report: Mapping[str, Any], catalogue: Catalogue) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name in _COUNTS:
        bad = name in _FAULTS and report[name]
        table.add_row(catalogue.text(f"shell.simulate_{name}"), str(report[name]), style="bold red" if bad else None)
    table.add_row(catalogue.text("shell.simulate_seconds"), f"{report['seconds']:.1f}")
    table.add_row(catalogue.text("shell.simulate_rate"), f"{report['sent'] / max(report['seconds'], 0.001):.1f}")
    for name, what, measured in (("accept_ms", "accept", "accepted"), ("reply_ms", "reply", "answered")):
        for rank, value in report[name].items():
            table.add_row(
                catalogue.text(f"shell.simulate_{what}", rank=rank), _milliseconds(value) if report[measured] else "–"
            )
    return table


def _milliseconds(value: float) -> str:
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"  # noqa: PLR2004
