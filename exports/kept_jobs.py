"""Exports that run as jobs in the background of the service, each with its archive in a folder of its own.

One is removed after a day, and at once when somebody is forgotten after it was begun: what is forgotten may be in it.
"""

import asyncio
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import structlog

from exports.job import ExportJob, Exports
from exports.select import Selection, count
from exports.workers.pool import RenderPool
from pipeline.exports import Format
from pipeline.ports import MediaStore
from pipeline.settings import PdfEngine
from pipeline.text.i18n import Language, Sentence
from pipeline.text.privacy import Masker
from storage.conversations.audit import record
from storage.database.engine import Database
from storage.jobs.job_runner import JobFailed, JobKind, JobRunner, RunningJob
from storage.jobs.job_store import JobState, StoredJob
from storage.search.exchange_filter import ExchangeFilter

log = structlog.get_logger()

EXPORT = "export"
"""The kind of these jobs."""

_LONGEST = 3600.0
"""Seconds a document may take."""
_ID = re.compile(r"[0-9a-f]{16}")
_ARCHIVE = "conversations.zip"
_MOST = 20


@dataclass(frozen=True, slots=True)
class KeptExport:
    """An export as it was ordered by someone, and how far it is; `given` is its filter as it was written."""

    id: str
    state: JobState
    format: Format
    given: Mapping[str, str]
    masked: bool
    by: str
    at: float
    done: int
    total: int
    """Conversations."""
    messages: int
    size: int
    why: str
    """What went wrong."""


class BackgroundExports:
    """Runs exports one after the other and keeps what comes of them."""

    def __init__(
        self,
        database: Database,
        media: MediaStore,
        folder: Path,
        *,
        engine: Callable[[], PdfEngine],
        jobs: JobRunner,
    ) -> None:
        self._database = database
        self._media = media
        self._folder = folder
        self._engine = engine
        self._jobs = jobs
        jobs.add(EXPORT, JobKind(self._export, at_once=1, most=_MOST, on_removed=self._remove_folder))

    async def start(self) -> None:
        """Remove the archives that no job knows."""
        known = {job.id for job in await self._jobs.list((EXPORT,))}
        await asyncio.to_thread(_remove_unknown, self._folder, known)

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
            TooManyJobs: As many are kept as there may be.
        """
        ordered = {
            "given": dict(given),
            "filter": asdict(wanted),
            "format": format,
            "masked": masked,
            "language": language,
        }
        return _kept(await self._jobs.begin(EXPORT, "", ordered, by=by))

    async def find(self, id_: str) -> KeptExport | None:
        """Return an export, None where there is none of that name."""
        job = await self._jobs.find(id_)
        return None if job is None or job.kind != EXPORT else _kept(job)

    async def all(self) -> Sequence[KeptExport]:
        """Return what is kept, the latest first."""
        return [_kept(job) for job in await self._jobs.list((EXPORT,))]

    async def file(self, export: KeptExport) -> Path | None:
        """Return where the archive of a finished export lies; None where it is not, or on another machine."""
        path = self._folder / export.id / _ARCHIVE
        return path if export.state == "done" and await asyncio.to_thread(path.is_file) else None

    async def remove(self, id_: str) -> bool:
        """Stop an export and remove what there is of it; whether there was one."""
        return await self.find(id_) is not None and await self._jobs.remove(id_)

    async def _export(self, running: RunningJob) -> None:
        job, ordered = running.job, running.job.ordered
        chosen = Selection(found=ExchangeFilter(**ordered["filter"]))
        running.total, _ = await count(self._database, chosen)

        def progress(done: int) -> None:
            running.done = done

        masker = Masker() if ordered["masked"] else None
        language = cast("Language", ordered["language"])
        export = ExportJob(chosen, cast("Format", ordered["format"]), language, self._engine(), masker)
        path = self._folder / job.id / _ARCHIVE
        await asyncio.to_thread(path.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
        pool = RenderPool(processes=1, keep=True, seconds=_LONGEST)
        try:
            made = await Exports(self._database, self._media, pool).to_zip(export, path, progress)
        finally:
            await pool.close()
            # Also of one that was broken off: what it has written may be read.
            details = dict(export.order()) | {"out": f"console export {job.id}"}
            await record(self._database, "export", job.by, details, conversations=running.done, messages=0)
        if made.failures:
            numbers = ", ".join(str(each.conversation) for each in made.failures[:20])
            raise JobFailed(Sentence("reason.job_conversations", numbers=numbers))
        running.done = made.manifest.conversations
        size = await asyncio.to_thread(lambda: path.stat().st_size)
        running.result = {"messages": made.manifest.messages, "size": size}

    async def _remove_folder(self, job: StoredJob) -> None:
        await asyncio.to_thread(shutil.rmtree, self._folder / job.id, ignore_errors=True)


def _kept(job: StoredJob) -> KeptExport:
    ordered: Mapping[str, Any] = job.ordered
    return KeptExport(
        id=job.id,
        state=job.state,
        format=ordered["format"],
        given=ordered["given"],
        masked=ordered["masked"],
        by=job.by,
        at=job.at,
        done=job.done,
        total=job.total,
        messages=job.result.get("messages", 0),
        size=job.result.get("size", 0),
        why=job.why,
    )


def _remove_unknown(folder: Path, known: set[str]) -> None:
    for own in folder.iterdir() if folder.is_dir() else ():
        if _ID.fullmatch(own.name) and own.name not in known:
            shutil.rmtree(own, ignore_errors=True)
