"""The folder in which a document is made: its parts as JSON, their pages, its pictures."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from exports.chunks import CHUNK, Chunk, Chunker, RenderPart
from exports.records import HEADS, Head, Transcript
from exports.writers.image_files import file_name
from pipeline.errors import Undeliverable
from pipeline.ports import MediaStore

_HEADS = "heads.json"


@dataclass(frozen=True, slots=True)
class WorkDir:
    """What lies in such a folder; parts go by the names of their files."""

    folder: Path

    def heads(self) -> Sequence[Head]:
        """Return the heads of all conversations."""
        return HEADS.validate_json((self.folder / _HEADS).read_bytes())

    def parts(self) -> list[str]:
        """Return the names of the parts, in their order."""
        return sorted(path.name for path in self.folder.glob("part-*.json"))

    def part(self, name: str) -> RenderPart:
        """Read a part."""
        return CHUNK.validate_json((self.folder / name).read_bytes()).part(self.heads())

    def pages(self, name: str) -> Path:
        """Return where a part's pages are."""
        return (self.folder / name).with_suffix(".pdf")


class WorkDirWriter:
    """Lays transcripts out in such a folder as they come."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cutter = Chunker()
        self._parts = 0

    @property
    def heads(self) -> Sequence[Head]:
        """Return the heads of all conversations that have come."""
        return self._cutter.heads

    def add(self, piece: Transcript) -> None:
        """Lay out a conversation, or the next piece of the latest one."""
        self._write(self._cutter.add(piece))

    def finish(self) -> None:
        """Lay out the rest, now that all has come."""
        self._write(self._cutter.rest())
        (self._folder / _HEADS).write_bytes(HEADS.dump_json(tuple(self.heads)))

    def _write(self, cuts: Iterable[Chunk]) -> None:
        for cut in cuts:
            self._parts += 1
            (self._folder / f"part-{self._parts:06}.json").write_bytes(CHUNK.dump_json(cut))


async def write_work_dir(folder: Path, pieces: AsyncIterable[Transcript], media: MediaStore) -> Sequence[Head]:
    """Write conversations and their pictures as they come, whole or in pieces; return the heads of all."""
    laying = WorkDirWriter(folder)
    async for piece in pieces:
        await asyncio.to_thread(laying.add, piece)
        await write_images(folder, piece, media)
    await asyncio.to_thread(laying.finish)
    return laying.heads


async def write_images(folder: Path, transcript: Transcript, media: MediaStore) -> list[str]:
    """Write the pictures, but for those that are gone; return their names."""
    written = []
    for each in sorted({each for said in transcript.messages for each in said.media}, key=lambda one: one.sha256):
        if not (name := file_name(each)):
            continue
        try:
            data = await media.read(each)
        except Undeliverable:
            continue
        await asyncio.to_thread((folder / name).write_bytes, data)
        written.append(name)
    return written


async def only(transcript: Transcript) -> AsyncIterator[Transcript]:
    """Return a single conversation as one that has come."""
    yield transcript
