"""The folder in which a document is made: its parts as JSON, their pages, its pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from exports.chunks import CHUNK, Chunk, Chunker, RenderPart
from exports.records import HEADS, Head, Transcript

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
