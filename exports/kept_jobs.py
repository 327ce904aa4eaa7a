"""Exports that run in the background of the service: kept with their files in a folder, and gone on with at a start.

Each is a folder of its own with what was ordered, what came of it, and the archive. One is removed after a day, and at
once when somebody is forgotten after it was begun: what is forgotten may be in it.
"""

import asyncio
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_hex
from time import time
from typing import Literal

import structlog

from exports.job import ExportJob, Exports
from exports.select import Selection, count
from exports.workers.pool import RenderPool
from pipeline.exports import Format
from pipeline.ports import MediaStore
from pipeline.settings import PdfEngine
from pipeline.supervision import SupervisedLoop
from pipeline.text.i18n import Language
from pipeline.text.privacy import Masker
from storage.conversations.audit import latest_deletion, record
from storage.database.engine import Database
from storage.search.exchange_filter import ExchangeFilter

log = structlog.get_logger()

_KEPT = 86400.0
_AGAIN = 20.0
_LONGEST = 3600.0
"""Seconds a document may take."""
_ID = re.compile(r"[0-9a-f]{16}")
_ORDER, _ARCHIVE = "order.json", "conversations.zip"
_MOST = 20

ExportState = Literal["running", "done", "failed"]


class TooManyExports(Exception):
    """As many exports are kept as there may be."""


@dataclass(frozen=True, slots=True)
class KeptExport:
    """An export as it was ordered by someone, and how far it is; `given` is its filter as it was written."""

    id: str
    given: Mapping[str, str]
    filter: ExchangeFilter
    format: Format
    masked: bool
    language: Language
    by: str
    at: float
    deletion: int
    """The latest deletion before it was begun."""
    state: ExportState = "running"
    done: int = 0
    total: int = 0
    """Conversations."""
    messages: int = 0
    size: int = 0
    why: str = ""
    """What went wrong."""


class ExportKeeper:
    """Runs exports one after the other and keeps what comes of them."""

    def __init__(self, database: Database, media: MediaStore, folder: Path, *, engine: Callable[[], PdfEngine]) -> None:
        self._database = database
        self._media = media
        self._folder = folder
        self._engine = engine
        self._kept: dict[str, KeptExport] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._one = asyncio.Semaphore(1)
        self.loop = SupervisedLoop("exports", self._sweep)

    async def start(self) -> None:
        """Read what is kept, and go on with what was running."""
        self._kept = await asyncio.to_thread(_read_all, self._folder)
        for export in self._kept.values():
            if export.state == "running":
                self._run(export)
        self.loop.start()

    async def close(self) -> None:
        """Stop where it stands; the next start goes on."""
        await self.loop.stop()
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def begin(
        self,
        wanted: ExchangeFilter,
        *,
        given: Mapping[str, str],
        format: Format,  # noqa: A002 (its name)
        masked: bool,
        language: Language,
        by: str,
    ) -> KeptExport:
        """Begin an export of exactly what a filter lists.

        Raises:
            TooManyExports: As many are kept as there may be.
        """
        if len(self._kept) >= _MOST:
            raise TooManyExports
        deletion = await latest_deletion(self._database)
        export = KeptExport(token_hex(8), dict(given), wanted, format, masked, language, by, time(), deletion)
        self._kept[export.id] = export
        await asyncio.to_thread(_write, self._folder, export)
        self._run(export)
        return export

    def find(self, id_: str) -> KeptExport | None:
        """Return an export, None where there is none of that name."""
        return self._kept.get(id_)

    def all(self) -> tuple[KeptExport, ...]:
        """Return what is kept, the latest first."""
        return tuple(sorted(self._kept.values(), key=lambda each: each.at, reverse=True))

    async def file(self, id_: str) -> Path | None:
        """Return where the archive of a finished export lies, None where there is none any more."""
        await self._remove_outdated()
        export = self._kept.get(id_)
        return self._folder / id_ / _ARCHIVE if export is not None and export.state == "done" else None

    async def remove(self, id_: str) -> bool:
        """Stop an export and remove what there is of it; whether there was one."""
        export = self._kept.pop(id_, None)
        if export is None:
            return False
        if task := self._running.pop(id_, None):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self._folder / id_, ignore_errors=True)
        return True

    async def finished(self, id_: str) -> None:
        """Wait until an export runs no more."""
        if task := self._running.get(id_):
            await asyncio.wait((task,))

    def _run(self, export: KeptExport) -> None:
        task = asyncio.create_task(self._export(export), name=f"export {export.id}")
        self._running[export.id] = task
        task.add_done_callback(lambda _: self._running.pop(export.id, None))

    async def _export(self, export: KeptExport) -> None:
        async with self._one:
            try:
                ended = await self._write_archive(export)
            except Exception as error:
                log.exception("export_failed", export=export.id)
                ended = replace(export, state="failed", why=type(error).__name__)
        if export.id in self._kept:
            self._kept[export.id] = ended
            await asyncio.to_thread(_write, self._folder, ended)

    async def _write_archive(self, export: KeptExport) -> KeptExport:
        chosen = Selection(found=export.filter)
        total, _ = await count(self._database, chosen)
        self._kept[export.id] = export = replace(export, total=total)

        def progress(done: int) -> None:
            self._kept[export.id] = replace(export, done=done)

        masker = Masker() if export.masked else None
        job = ExportJob(chosen, export.format, export.language, self._engine(), masker)
        path = self._folder / export.id / _ARCHIVE
        pool = RenderPool(processes=1, keep=True, seconds=_LONGEST)
        try:
            made = await Exports(self._database, self._media, pool).to_zip(job, path, progress)
        finally:
            await pool.close()
            # Also of one that was broken off: what it has written may be read.
            done = self._kept.get(export.id, export).done
            details = dict(job.order()) | {"out": f"console export {export.id}"}
            await record(self._database, "export", export.by, details, conversations=done, messages=0)
        if made.failures:
            failed = ", ".join(str(each.conversation) for each in made.failures[:20])
            return replace(export, state="failed", why=failed)
        size = await asyncio.to_thread(lambda: path.stat().st_size)
        done, messages = made.manifest.conversations, made.manifest.messages
        return replace(export, state="done", size=size, done=done, messages=messages)

    async def _sweep(self) -> None:
        while True:
            await self._remove_outdated()
            await asyncio.sleep(_AGAIN)

    async def _remove_outdated(self) -> None:
        if not self._kept:
            return
        deletion, now = await latest_deletion(self._database), time()
        for export in tuple(self._kept.values()):
            outdated = export.state != "running" and export.deletion != deletion
            if outdated or (export.state != "running" and now - export.at > _KEPT):
                await self.remove(export.id)


def _write(folder: Path, export: KeptExport) -> None:
    own = folder / export.id
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = own / f"{_ORDER}.half"
    with open(half, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        json.dump(asdict(export), file, ensure_ascii=False)
    half.replace(own / _ORDER)


def _read_all(folder: Path) -> dict[str, KeptExport]:
    found: dict[str, KeptExport] = {}
    if not folder.is_dir():
        return found
    for own in folder.iterdir():
        if not _ID.fullmatch(own.name):
            continue
        try:
            read = json.loads((own / _ORDER).read_text(encoding="utf-8"))
            found[own.name] = KeptExport(**(read | {"filter": ExchangeFilter(**read["filter"])}))
        except (OSError, ValueError, TypeError, KeyError):
            # Half written, or of another version: nobody can ask for it.
            shutil.rmtree(own, ignore_errors=True)
    return found
