"""Looks at a folder of chains, and writes files into it: which files there are, and whether it is there at all."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.text.i18n import Sentence, os_reason

Signature = tuple[int, int, int]
"""When a file was written, in nanoseconds, how many bytes it has, and which file it is."""

UNREADABLE: Signature = (0, -1, 0)
"""That of a file which is there and cannot be looked at, such as a link into a folder that is away."""

_READABLE_FILE, _READABLE_FOLDER = 0o644, 0o755
# What editors and people leave beside a file, on purpose.
_BESIDE = ("~", ".swp", ".swo", ".bak", ".orig", ".tmp", ".new", ".old", ".off", ".disabled")
_MEANT = (".txt", ".tml", ".tmol", ".yaml", ".yml", ".json", ".ini", ".conf", ".cfg")


@dataclass(frozen=True, slots=True)
class FolderView:
    """What a folder holds: the chains' files by name, files that are probably meant to be some, and who it is."""

    files: Mapping[str, Signature] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    identity: tuple[int, int] = (0, 0)
    """Its device and number: another file system under the same path has another."""
    away: Sentence | None = None
    """Why it could not be looked at."""


def look(folder: Path) -> FolderView:
    """Look at a folder without reading its files."""
    files: dict[str, Signature] = {}
    ignored: list[str] = []
    try:
        # Not glob and no paths: a thousand files are looked at four times a second.
        with os.scandir(folder) as entries:
            for entry in entries:
                name, dot, ending = entry.name.rpartition(".")
                if not dot or ending != "toml" or name.startswith("."):
                    if is_meant(entry.name):
                        ignored.append(entry.name)
                elif (signature := _signature(entry)) is not None:
                    files[name] = signature
        at = folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return FolderView(away=Sentence("mistake.away_missing"))
    except OSError as error:
        return FolderView(away=Sentence("mistake.away_unreadable", said=os_reason(error)))
    return FolderView(dict(sorted(files.items())), tuple(sorted(ignored)), (at.st_dev, at.st_ino))


def _signature(entry: "os.DirEntry[str]") -> Signature | None:
    try:
        found = entry.stat()
    except FileNotFoundError:
        # A link that leads nowhere now; else it is gone again since it was listed, as if it had not been.
        return UNREADABLE if entry.is_symlink() else None
    except OSError:
        return UNREADABLE
    if stat.S_ISDIR(found.st_mode):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def is_meant(name: str) -> bool:
    """Whether a file that is not read was probably meant to be: `it.toml.txt`, `it.TOML`, `it.toml `."""
    plain = name.casefold()
    if plain.startswith(".") or plain.endswith(_BESIDE):
        return False
    wide = plain.replace("．", ".").replace("。", ".").strip()
    return wide.endswith((".toml", *_MEANT)) or ".toml" in wide


def better_name(name: str) -> str:
    """Return what such a file should be called."""
    wide = name.replace("．", ".").replace("。", ".").strip()
    at = wide.casefold().find(".toml")
    stem = wide[:at] if at > 0 else wide.rpartition(".")[0] or wide
    return f"{stem}.toml"


def write_file(file: Path, text: str) -> None:
    """Write a chain's file in one step; through a link, the file it leads to."""
    file = file.resolve() if file.is_symlink() else file
    if not file.parent.exists():
        file.parent.mkdir(parents=True)
        file.parent.chmod(_READABLE_FOLDER)
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(text, encoding="utf-8")
    # The service may run under another account than the shell that publishes.
    fresh.chmod(_mode_of(file))
    fresh.replace(file)


def _mode_of(file: Path) -> int:
    """Return the mode of a file, or that of a new one, which other accounts may read."""
    try:
        return stat.S_IMODE(file.stat().st_mode)
    except FileNotFoundError:
        return _READABLE_FILE
