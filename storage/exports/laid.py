"""The folder in which a document is made: its parts as JSON, their pages, its pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.exports.parts import PART, Part, parts
from storage.exports.records import HEADS, Head, Transcript

_HEADS = "heads.json"


@dataclass(frozen=True, slots=True)
class LaidOut:
    """What lies in such a folder; parts go by the names of their files."""

    folder: Path

    def lay(self, transcripts: Sequence[Transcript]) -> None:
        """Write transcripts, a part at a time."""
        (self.folder / _HEADS).write_bytes(HEADS.dump_json(tuple(each.head() for each in transcripts)))
        for number, part in enumerate(parts(transcripts), 1):
            (self.folder / f"part-{number:06}.json").write_bytes(PART.dump_json(part))

    def heads(self) -> Sequence[Head]:
        """Give the heads of all conversations."""
        return HEADS.validate_json((self.folder / _HEADS).read_bytes())

    def parts(self) -> list[str]:
        """Give the names of the parts, in their order."""
        return sorted(path.name for path in self.folder.glob("part-*.json"))

    def part(self, name: str) -> Part:
        """Read a part."""
        return PART.validate_json((self.folder / name).read_bytes())

    def pages(self, name: str) -> Path:
        """Say where a part's pages are."""
        return (self.folder / name).with_suffix(".pdf")
