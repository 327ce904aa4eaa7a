"""The list of what an export has made, with counts and checksums: enough to see that nothing is missing or changed."""

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file: its path within the export, and what is in it."""

    path: str
    sha256: str
    bytes: int
    conversations: int
    messages: int


@dataclass(frozen=True, slots=True)
class IndexLine:
    """What the index of an archive says of a conversation; `at` in seconds since 1970."""

    channel: str
    user: str
    number: int
    title: str
    at: float
    messages: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """An export; `filter` is what was chosen, and the files are in the order of their paths."""

    format: str
    filter: Mapping[str, Any]
    masked: bool
    conversations: int
    messages: int
    files: tuple[Entry, ...]

    def text(self) -> str:
        """Write it as JSON; the same export gives the same text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def entry(root: Path, path: Path, *, conversations: int, messages: int) -> Entry:
    """Describe a file of an export whose root is `root`."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Entry(path.relative_to(root).as_posix(), digest, path.stat().st_size, conversations, messages)


def is_archive(path: Path) -> bool:
    """Whether a file is an export that was packed."""
    try:
        with zipfile.ZipFile(path) as archive:
            return NAME in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def listed(root: Path) -> Sequence[str]:
    """Return the paths an earlier, finished export has listed; none if there is no readable list."""
    try:
        found = json.loads((root / NAME).read_text(encoding="utf-8"))
        return [str(each["path"]) for each in found["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
