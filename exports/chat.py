"""Exports for a person in the chat: which conversations are meant, and the files that go into the media store."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import perf_counter, time
from typing import Any

import structlog
from sqlalchemy import Row, select

from exports.formats import FORMAT_TRAITS
from exports.records import ConversationInfo, Head, Message, Transcript
from exports.select import Selection, stream
from exports.tempdirs import work_folder
from exports.workers.messages import RenderFailed, RenderRequest
from exports.workers.pool import RenderPool
from exports.workers.workdir import only, write_work_dir
from exports.writers.header import title
from pipeline.errors import AnswerFailed
from pipeline.events import Person
from pipeline.exports import Current, Everything, Exported, Format, Full, Month, Numbered, Previous, Wanted
from pipeline.ports import MediaStore
from pipeline.replies import StoredMedia
from pipeline.settings import Export
from pipeline.text.i18n import Catalogue, Language, Sentence
from pipeline.text.unicode import beginning
from storage.conversations.kept_documents import KeptExports
from storage.database.engine import Database
from storage.database.tables import conversations, people

log = structlog.get_logger()

_MEGABYTE = 1024 * 1024
_NAME = 40
_TURNS = 25
"""Exchanges read at once: the event loop does nothing else for half a millisecond."""


class ChatExports:
    """Implements `Exporter` over the database and a pool. Made off the event loop: it reads the catalogue."""

    def __init__(
        self,
        database: Database,
        media: MediaStore,
        pool: RenderPool,
        *,
        settings: Export,
        language: Language,
        idle_minutes: int,
        keep_days: int = 7,
    ) -> None:
        self._database = database
        self._kept = KeptExports(database, media, days=keep_days)
        self._full = Full(settings.kept_files, settings.kept_mb, keep_days)
        self._media = media
        self._pool = pool
        self._settings = settings
        self._language = language
        self._catalogue = Catalogue(language)
        self._idle_seconds = idle_minutes * 60

    async def export(self, person: Person, wanted: Wanted, format: Format) -> Exported:  # noqa: A002 (its name)
        """Implement `Exporter.export`."""
        chosen, instead = await self._choose(person, wanted)
        if chosen is None:
            return Exported()
        async with work_folder() as folder:
            pieces = stream(self._database, chosen, whole=False, at_once=_TURNS)
            heads = await write_work_dir(folder, _gently(pieces), self._media)
            if not heads:
                return Exported()
            order = self._order(folder, heads, format)
            messages = sum(head.messages for head in heads)
            content = await asyncio.to_thread(content_digest, folder, order)
            if files := await self._kept.find(person, content):
                return Exported(files, len(heads), messages, instead)
            if await self._is_full(person):
                return Exported(full=self._full)
            answer = await self._pool.render(order)
            if isinstance(answer, RenderFailed):
                raise AnswerFailed(Sentence("reason.no_document", said=answer.reason), reason="export.failed")
            if answer.plainer:
                log.warning("export_plainer", wanted=format, made=answer.format, reason=answer.plainer)
            files = tuple([await self._keep(folder / "out" / file, answer.format) for file in answer.files])
        # What could not be set as pages may be the next time.
        await self._kept.note(person, "" if answer.plainer else content, files)
        return Exported(files, len(heads), messages, instead, bool(answer.plainer))

    async def document(self, person: Person, question: str, answer: str) -> StoredMedia | None:
        """Implement `AnswerDocuments.document`."""
        if await self._is_full(person):
            return None
        now = time()
        name = " ".join(question.split()) or self._catalogue.text("document.answer")
        conversation = ConversationInfo(0, person.channel, person.user, 0, beginning(name, _NAME), "", now, now)
        said = (Message(1, "human", question, (), now), Message(1, "ai", answer, (), now))
        async with work_folder() as folder:
            heads = await write_work_dir(
                folder, only(Transcript(conversation, said if question else said[1:])), self._media
            )
            made = await self._pool.render(self._order(folder, heads, "pdf"))
            if isinstance(made, RenderFailed) or len(made.files) != 1:
                return None
            media = await self._keep(folder / "out" / made.files[0], made.format)
        await self._kept.note(person, "", (media,))
        return media

    async def _is_full(self, person: Person) -> bool:
        count, size = await self._kept.total(person)
        full = count >= self._full.files or size >= self._full.megabytes * _MEGABYTE
        if full:
            log.info("export_refused", files=count, bytes=size)
        return full

    def _order(self, folder: Path, heads: Sequence[Head], format: Format) -> RenderRequest:  # noqa: A002
        name, limit = _file_name(heads, self._catalogue), int(self._settings.volume_mb * _MEGABYTE)
        return RenderRequest(str(folder), name, format, self._settings.pdf_engine, self._language, limit)

    async def _keep(self, path: Path, format: Format) -> StoredMedia:  # noqa: A002
        mime = "application/zip" if path.suffix == ".zip" else FORMAT_TRAITS[format].mime
        return await self._media.keep(await asyncio.to_thread(path.read_bytes), mime=mime, name=path.name)

    async def _choose(self, person: Person, wanted: Wanted) -> tuple[Selection | None, bool]:
        """Return what is meant, None for nothing, and whether it is another conversation than the one asked for."""
        whose = Selection(persons=(str(person),))
        match wanted:
            case Everything():
                return whose, False
            case Numbered(number):
                return _one(whose, number), False
            case Month(year, month):
                return _within(whose, year, month), False
            case Current() | Previous():
                current, latest = await self._standing(person)
                if not latest:
                    return None, False
                if isinstance(wanted, Current):
                    return _one(whose, current or latest), not current
                number = current - 1 if current else latest
                return (_one(whose, number) if number else None), False

    async def _standing(self, person: Person) -> tuple[int, int]:
        """Return the numbers of the current and of the latest conversation, 0 for none."""
        latest = (
            select(conversations.c.id, conversations.c.number, conversations.c.last_at)
            .where(conversations.c.person == str(person))
            .order_by(conversations.c.number.desc())
            .limit(1)
        )
        async with self._database.read() as connection:
            row: Row[*tuple[Any, ...]] | None = (await connection.execute(latest)).one_or_none()
            going_on = (
                await connection.execute(select(people.c.conversation_id).where(people.c.person == str(person)))
            ).scalar_one_or_none()
        if row is None:
            return 0, 0
        fresh = not self._idle_seconds or time() - row.last_at <= self._idle_seconds
        return (row.number if going_on == row.id and fresh else 0), row.number


def _one(whose: Selection, number: int) -> Selection:
    return replace(whose, numbers=(number,))


def _within(whose: Selection, year: int, month: int) -> Selection:
    first = datetime(year, month, 1).astimezone()
    following = datetime(year + month // 12, month % 12 + 1, 1).astimezone()
    return replace(whose, since=first.timestamp(), until=following.timestamp())


async def _gently(pieces: AsyncIterator[Transcript]) -> AsyncIterator[Transcript]:
    """Pause after each piece as long as it took: whoever writes meanwhile has the event loop half the time."""
    began = perf_counter()
    async for piece in pieces:
        yield piece
        await asyncio.sleep(perf_counter() - began)
        began = perf_counter()


# What makes one emoji of several, and flags of regions.
_JOINERS = frozenset(("\u200d", "\ufe0f", *map(chr, range(0xE0020, 0xE0080))))


def _file_name(heads: Sequence[Head], catalogue: Catalogue) -> str:
    """Name a document by what it holds, in characters every file system takes."""
    day = datetime.fromtimestamp(heads[-1].last).astimezone().strftime("%Y-%m-%d")
    said = title(heads[0].conversation, catalogue) if len(heads) == 1 else catalogue.text("document.file")
    kept = "".join(" " if c in '\\/:*?"<>|#%&{}' or not (c.isprintable() or c in _JOINERS) else c for c in said)
    return f"{beginning(' '.join(kept.split()), _NAME).strip('. ')} {day}"


_CHUNK = 1 << 20


def content_digest(folder: Path, order: RenderRequest) -> str:
    """Return the digest of what a document is made of and how: laid out in a folder, and ordered. Reads files."""
    digest = hashlib.sha256(f"{order.name}\n{order.format}\n{order.engine}\n{order.language}\n{order.limit}".encode())
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        digest.update(f"\n{file.name}\n{file.stat().st_size}\n".encode())
        with file.open("rb") as read:
            while chunk := read.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
