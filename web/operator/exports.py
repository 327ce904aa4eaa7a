"""Runs the export of `webot export` beside the service, with a bar that shows how long it takes."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from exports.job import Done, ExportJob, Exports
from exports.select import count
from exports.workers.pool import RenderPool
from exports.workers.process import ForkServer
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from storage.conversations.audit import operator, record
from storage.database.access import open_for_cli, service_is_running
from storage.database.engine import Database
from storage.media.files import MediaFolder

Got = TypeVar("Got")

_LONGEST = 3600.0
"""Seconds a document may take."""


@dataclass
class _Tally:
    conversations: int = 0
    messages: int = 0


def measure(settings: Settings, job: ExportJob) -> tuple[int, int]:
    """Return how many conversations a job has, and how many messages at most."""

    async def look(database: Database) -> tuple[int, int]:
        return await count(database, job.chosen)

    return asyncio.run(_visit(settings, look))


async def export_to(
    settings: Settings, job: ExportJob, out: Path, fork_server: ForkServer | None, catalogue: Catalogue
) -> int:
    """Export into a folder, or into an archive if its name says so; return the exit code."""
    say = partial(_say, catalogue)

    async def run(exports: Exports, progress: Callable[[int], None], tally: _Tally) -> Done:
        to = exports.to_zip if out.suffix.lower() == ".zip" else exports.to_folder
        done = await to(job, out, progress)
        tally.conversations, tally.messages = done.manifest.conversations, done.manifest.messages
        return done

    try:
        done = await _visit(
            settings,
            lambda database: _export(database, settings, job, str(out), run, catalogue, fork_server=fork_server),
        )
    except asyncio.CancelledError:
        say("stopped")
        raise
    made = done.manifest
    say("done", conversations=made.conversations, messages=made.messages, files=len(made.files), out=out)
    if done.plainer:
        say("plainer", numbers=_listed(done.plainer))
    for failure in done.failures:
        say("failed", number=failure.conversation, reason=failure.reason)
    if done.failures:
        say("again")
    return 1 if done.failures else 0


async def export_records(settings: Settings, job: ExportJob, out: BinaryIO, catalogue: Catalogue) -> int:
    """Export to a stream; return the exit code."""

    async def run(exports: Exports, progress: Callable[[int], None], tally: _Tally) -> None:
        tally.conversations, tally.messages = await exports.to_stream(job, out, progress)

    await _visit(settings, lambda database: _export(database, settings, job, "-", run, catalogue))
    return 0


async def _export(
    database: Database,
    settings: Settings,
    job: ExportJob,
    out: str,
    run: Callable[[Exports, Callable[[int], None], _Tally], Awaitable[Got]],
    catalogue: Catalogue,
    *,
    fork_server: ForkServer | None = None,
) -> Got:
    pool = RenderPool(processes=await process_count(database), keep=True, seconds=_LONGEST, fork_server=fork_server)
    exports = Exports(database, MediaFolder(Path(settings.storage.data_dir) / "media"), pool)
    total, _ = await count(database, job.chosen)
    tally = _Tally()
    try:
        with _bar(total, catalogue) as show:

            def progress(done: int) -> None:
                tally.conversations = max(tally.conversations, done)
                show(done)

            return await run(exports, progress, tally)
    finally:
        # Also of one that was broken off: what it has written is out of the house.
        await record(
            database,
            "export",
            operator(),
            dict(job.order()) | {"out": out},
            conversations=tally.conversations,
            messages=tally.messages,
        )


async def process_count(database: Database) -> int:
    """Return each core a process, but for one where a service answers people: niceness alone makes less room."""
    cores = os.cpu_count() or 1
    return max(1, cores - 1) if await service_is_running(database) else cores


async def _visit(settings: Settings, do: Callable[[Database], Awaitable[Got]]) -> Got:
    async with open_for_cli(settings.storage.database_url.get_secret_value()) as database:
        return await do(database)


@contextmanager
def _bar(total: int, catalogue: Catalogue) -> Iterator[Callable[[int], None]]:
    """Show a bar where somebody watches."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (
        TextColumn(catalogue.text("shell.export_bar")),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn(catalogue.text("shell.export_left")),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("exporting", total=total)
        yield lambda done: progress.update(task, completed=done)


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _say(catalogue: Catalogue, key: str, **values: object) -> None:
    sys.stderr.write(f"{catalogue.text(f'shell.export_{key}', **values)}\n")
