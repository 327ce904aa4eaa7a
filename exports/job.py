"""A batch export: many conversations into a folder or a zip, resumed where it stopped, the same bytes each time."""

import asyncio
import hashlib
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from exports import manifest
from exports.checkpoint import ExportCheckpoint, TargetNotEmpty, open_checkpoint
from exports.file_names import safe_name
from exports.formats import EPOCH, FORMAT_TRAITS
from exports.manifest import Entry, Manifest, entry, is_archive
from exports.masked_transcript import mask_transcript
from exports.open_in_thread import opened_in_thread
from exports.records import Transcript
from exports.select import Selection, newest_message, stream
from exports.tempdirs import work_folder
from exports.workers.messages import RenderFailed, RenderRequest
from exports.workers.pool import RenderPool
from exports.workers.workdir import only, write_images, write_work_dir
from exports.writers import csv, index_page, jsonl, training
from exports.writers.image_files import ImageFolder, file_name
from pipeline.exports import Format
from pipeline.ports import MediaStore
from pipeline.settings import PdfEngine
from pipeline.text.i18n import Catalogue, Language, Sentence
from pipeline.text.privacy import Masker
from storage.conversations.audit import latest_deletion
from storage.database.engine import Database

_UNBOUNDED = 1 << 50
_INDEXED: frozenset[Format] = frozenset({"pdf", "html"})
"""Formats whose documents are opened one by one, from a page that lists them."""
_STEP = 1000
"""Messages after which a file's progress is noted."""


@dataclass(frozen=True, slots=True)
class ExportJob:
    """What to export, and how."""

    chosen: Selection
    format: Format
    language: Language = "zh"
    engine: PdfEngine = "auto"
    masker: Masker | None = None

    def order(self) -> Mapping[str, Any]:
        """Return what makes two jobs the same."""
        names = "\n".join(self.masker.names) if self.masker else ""
        return {
            "format": self.format,
            "filter": self.chosen.described(),
            "language": self.language,
            "engine": self.engine,
            "masked": None if self.masker is None else hashlib.sha256(names.encode()).hexdigest(),
        }


@dataclass(frozen=True, slots=True)
class ExportFailure:
    """A conversation that could not be written; the others were."""

    conversation: int
    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job."""

    manifest: Manifest
    failures: tuple[ExportFailure, ...] = ()
    plainer: tuple[int, ...] = ()
    """Conversations that came as web pages, because pages could not be made whole."""


Progress = Callable[[int], None]
"""Told the number of conversations done so far."""


class Exports:
    """Runs jobs over a database and its media."""

    def __init__(self, database: Database, media: MediaStore, pool: RenderPool) -> None:
        self._database = database
        self._media = media
        self._pool = pool

    async def to_zip(self, job: ExportJob, path: Path, progress: Progress) -> Done:
        """Export into an archive; an unfinished one stands in a folder beside it.

        Raises `TargetNotEmpty` where something else has the archive's name.
        """
        if await asyncio.to_thread(_is_foreign, path):
            raise TargetNotEmpty(Sentence("shell.export_foreign", file=str(path)))
        folder = path.with_name(f"{path.name}.part")
        done, _ = await self._fill(job, folder, progress)
        if not done.failures:
            await asyncio.to_thread(_pack, folder, path)
        return done

    async def to_folder(self, job: ExportJob, root: Path, progress: Progress) -> Done:
        """Export into a folder. Raises `TargetNotEmpty` for one that holds something else."""
        done, journal = await self._fill(job, root, progress)
        if not done.failures:
            await asyncio.to_thread(journal.close)
        return done

    async def _fill(self, job: ExportJob, root: Path, progress: Progress) -> tuple[Done, ExportCheckpoint]:
        newest, deletion = await newest_message(self._database), await latest_deletion(self._database)
        journal = await asyncio.to_thread(open_checkpoint, root, job.order(), newest=newest, deletion=deletion)
        job = replace(job, chosen=replace(job.chosen, newest=journal.newest))
        if FORMAT_TRAITS[job.format].paged:
            done = await self._pages(job, journal, progress)
        else:
            done = await self._records(job, journal, progress)
        await asyncio.to_thread((root / manifest.NAME).write_text, done.manifest.text(), encoding="utf-8")
        return done, journal

    async def to_stream(self, job: ExportJob, out: BinaryIO, progress: Progress) -> tuple[int, int]:
        """Write records, or plain documents one after the other, to a stream; return conversations and messages."""
        job = replace(job, chosen=replace(job.chosen, newest=await newest_message(self._database)))
        writing = _Writing(job, out)
        async for transcript in stream(self._database, job.chosen, whole=FORMAT_TRAITS[job.format].whole):
            await asyncio.to_thread(writing.add, transcript)
            progress(writing.conversations)
        return writing.conversations, writing.messages

    async def _records(self, job: ExportJob, journal: ExportCheckpoint, progress: Progress) -> Done:
        path = journal.root / f"transcripts{FORMAT_TRAITS[job.format].suffix}"
        async with opened_in_thread(lambda: _open_at(path, journal.offset), lambda opened: opened.close()) as out:
            writing = _Writing(job, out, journal.conversations, journal.messages, latest=journal.after)
            noted = writing.messages
            async for transcript in stream(
                self._database, job.chosen, after=journal.after, whole=FORMAT_TRAITS[job.format].whole
            ):
                # What is noted ends with a conversation, not within one.
                if writing.messages - noted >= _STEP and transcript.conversation.id != writing.latest:
                    noted = writing.messages
                    await asyncio.to_thread(writing.note, journal)
                await asyncio.to_thread(writing.add, transcript)
                progress(writing.conversations)
        counts = {"conversations": writing.conversations, "messages": writing.messages}
        whole = await asyncio.to_thread(entry, journal.root, path, **counts)
        return Done(_manifest(job, [whole], **counts))

    async def _pages(self, job: ExportJob, journal: ExportCheckpoint, progress: Progress) -> Done:
        failures: list[ExportFailure] = []
        plainer: list[int] = []
        running: set[asyncio.Task[None]] = set()

        catalogue = await asyncio.to_thread(Catalogue, job.language)

        async def write(transcript: Transcript) -> None:
            if job.masker is not None:
                transcript = await asyncio.to_thread(mask_transcript, transcript, job.masker)
            made = await self._document(job, journal, transcript)
            if isinstance(made, ExportFailure):
                failures.append(made)
            else:
                if job.format == "pdf" and made[0].path.endswith(".html"):
                    plainer.append(transcript.conversation.id)
                line = index_page.index_line(transcript, catalogue)
                await asyncio.to_thread(journal.finished, transcript.conversation.id, made, line)
            progress(len(journal.entries))

        try:
            async for transcript in stream(self._database, job.chosen):
                if transcript.conversation.id in journal.entries:
                    continue
                # As many as can be rendered, and as many again laid out: memory does not grow with the rest.
                if len(running) >= self._pool.processes * 2:
                    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    await asyncio.gather(*done)
                running.add(asyncio.create_task(write(transcript)))
            if running:
                await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await self._pool.close()
        entries = [each for files in journal.entries.values() for each in files]
        counts = {"conversations": len(journal.entries), "messages": sum(each.messages for each in entries)}
        if job.format in _INDEXED:
            entries.append(await asyncio.to_thread(_write_index, journal, catalogue))
        return Done(_manifest(job, entries, **counts), tuple(failures), tuple(sorted(plainer)))

    async def _document(
        self, job: ExportJob, journal: ExportCheckpoint, transcript: Transcript
    ) -> list[Entry] | ExportFailure:
        root = journal.root
        folder, name = _place(root, transcript)
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(journal.begins, [*_paths(job, folder, name, transcript)])
        counts = {"conversations": 1, "messages": len(transcript.messages)}
        if job.format in {"md", "txt"}:
            path = folder / f"{name}{FORMAT_TRAITS[job.format].suffix}"
            await asyncio.to_thread(_write, job, transcript, path)
            made = [await asyncio.to_thread(entry, root, path, **counts)]
            if job.format == "md" and any(said.media for said in transcript.messages):
                await asyncio.to_thread((folder / "media").mkdir, exist_ok=True)
                for picture in await write_images(folder / "media", transcript, self._media):
                    beside = folder / "media" / picture
                    made.append(await asyncio.to_thread(entry, root, beside, conversations=0, messages=0))
            return made
        async with work_folder() as work:
            await write_work_dir(work, only(transcript), self._media)
            order = RenderRequest(str(work), name, job.format, job.engine, job.language, _UNBOUNDED)
            answer = await self._pool.render(order)
            if isinstance(answer, RenderFailed):
                return ExportFailure(transcript.conversation.id, answer.reason)
            (file,) = answer.files
            await asyncio.to_thread(shutil.move, work / "out" / file, folder / file)
        return [await asyncio.to_thread(entry, root, folder / file, **counts)]


def _write_index(journal: ExportCheckpoint, catalogue: Catalogue) -> Entry:
    path = journal.root / index_page.NAME
    journal.begins([path])
    lines = [(journal.lines[conversation], files[0].path) for conversation, files in journal.entries.items()]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(index_page.index_page(lines, catalogue))
    return entry(journal.root, path, conversations=0, messages=0)


class _Writing:
    """Writes records to a file and counts them."""

    def __init__(
        self, job: ExportJob, out: BinaryIO, conversations: int = 0, messages: int = 0, *, latest: int = 0
    ) -> None:
        self._job = job
        self._out = out
        self.conversations = conversations
        self.messages = messages
        self.latest = latest
        self._begun = bool(conversations)

    def add(self, transcript: Transcript) -> None:
        """Write a conversation, or the next part of the latest one."""
        if self._job.masker is not None:
            transcript = mask_transcript(transcript, self._job.masker)
        if self._job.format == "csv" and not self._begun:
            self._out.write(csv.head().encode())
        self._begun = True
        self._out.write("".join(self._lines(transcript)).encode())
        self.conversations += transcript.conversation.id != self.latest
        self.latest = transcript.conversation.id
        self.messages += len(transcript.messages)

    def note(self, journal: ExportCheckpoint) -> None:
        """Note how far the file is whole."""
        self._out.flush()
        offset = self._out.tell()
        journal.reached(self.latest, offset, conversations=self.conversations, messages=self.messages)

    def _lines(self, transcript: Transcript) -> Iterator[str]:
        match self._job.format:
            case "jsonl":
                return jsonl.lines(transcript)
            case "csv":
                return csv.lines(transcript)
            case "finetune":
                return training.finetune(transcript)
            case "sharegpt":
                return training.sharegpt(transcript)
            case "md" | "txt" | "html" | "pdf":
                return _document(self._job, transcript, Path())


def _open_at(path: Path, offset: int) -> BinaryIO:
    """Open a file to go on behind what is known to be whole."""
    path.touch()
    out = path.open("r+b")
    out.truncate(offset)
    out.seek(offset)
    return out


def _write(job: ExportJob, transcript: Transcript, path: Path) -> None:
    half = _half(path)
    with half.open("w", encoding="utf-8", newline="") as file:
        file.writelines(_document(job, transcript, path.parent))
    half.replace(path)


def _half(path: Path) -> Path:
    return path.with_name(f"{path.name}.half")


def _paths(job: ExportJob, folder: Path, name: str, transcript: Transcript) -> Iterator[Path]:
    """Return every path at which something of a conversation may come to lie."""
    formats: tuple[Format, ...] = (job.format, "html") if job.format == "pdf" else (job.format,)
    for document in (folder / f"{name}{FORMAT_TRAITS[format_].suffix}" for format_ in formats):
        yield from (document, _half(document))
    if job.format == "md":
        yield from (folder / "media" / file_name(each) for said in transcript.messages for each in said.media)


def _document(job: ExportJob, transcript: Transcript, pictures: Path) -> Iterator[str]:
    # Imported when it is needed: what reads markdown takes longer to import than many an export of something else.
    from exports.workers.documents import pieces  # noqa: PLC0415

    return pieces([transcript], Catalogue(job.language), ImageFolder(pictures), job.format)


def _manifest(job: ExportJob, entries: list[Entry], *, conversations: int, messages: int) -> Manifest:
    ordered = tuple(sorted(entries, key=lambda each: each.path))
    chosen = replace(job.chosen, newest=None).described()
    return Manifest(job.format, chosen, job.masker is not None, conversations, messages, ordered)


def _place(root: Path, transcript: Transcript) -> tuple[Path, str]:
    """Return a conversation's folder and its document's name without the suffix."""
    conversation = transcript.conversation
    day = datetime.fromtimestamp(conversation.started_at, UTC).astimezone().strftime("%Y-%m-%d")
    return root / safe_name(conversation.channel) / safe_name(conversation.user), f"{conversation.number:04d} {day}"


def _is_foreign(path: Path) -> bool:
    return path.exists() and not is_archive(path)


def _pack(folder: Path, path: Path) -> None:
    half = _half(path)
    with zipfile.ZipFile(half, "w") as archive:
        for source in sorted(folder.rglob("*")):
            if source.is_file() and not source.name.startswith(".webot-export"):
                info = zipfile.ZipInfo(source.relative_to(folder).as_posix(), EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o600 << 16
                with source.open("rb") as read, archive.open(info, "w", force_zip64=True) as write:
                    shutil.copyfileobj(read, write, 1 << 20)
    half.replace(path)
    shutil.rmtree(folder)
