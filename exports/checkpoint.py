"""The checkpoint of an unfinished export, in its own folder: the request, and a line for each step done."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from exports.manifest import NAME, Entry, IndexLine, listed
from pipeline.errors import WebotError
from pipeline.text.i18n import Sentence, os_reason

_ORDER = ".webot-export.json"
_STEPS = ".webot-export.steps"


class TargetNotEmpty(WebotError):
    """The folder holds something else; whoever exports must choose another."""


@dataclass
class ExportCheckpoint:
    """The steps of one export: `newest` bounds what is in it, so that going on later gives the same."""

    root: Path
    newest: int
    entries: dict[int, list[Entry]] = field(default_factory=dict)
    """The files of each finished conversation, by its id."""
    lines: dict[int, IndexLine] = field(default_factory=dict)
    """What the index says of each of them."""
    after: int = 0
    """The last conversation whose records are in the file."""
    offset: int = 0
    """The bytes of the file up to there."""
    conversations: int = 0
    messages: int = 0
    touched: set[str] = field(default_factory=set)
    """Every path at which a file may have been written, whether or not its conversation is finished."""

    def begins(self, paths: Iterable[Path]) -> None:
        """Note at which paths files are about to be written."""
        written = [path.relative_to(self.root).as_posix() for path in paths]
        self.touched.update(written)
        self._note({"begins": written})

    def finished(self, conversation: int, entries: list[Entry], line: IndexLine) -> None:
        """Note that a conversation's files are written, and what the index says of it."""
        self.entries[conversation], self.lines[conversation] = entries, line
        files = [asdict(each) for each in entries]
        self._note({"conversation": conversation, "files": files, "line": asdict(line)})

    def reached(self, conversation: int, offset: int, *, conversations: int, messages: int) -> None:
        """Note that the file is whole up to a conversation."""
        self.after, self.offset, self.conversations, self.messages = conversation, offset, conversations, messages
        self._note({"after": conversation, "offset": offset, "conversations": conversations, "messages": messages})

    def close(self) -> None:
        """Forget the steps: the export is whole."""
        for name in (_ORDER, _STEPS):
            (self.root / name).unlink(missing_ok=True)

    def _note(self, step: Mapping[str, Any]) -> None:
        with (self.root / _STEPS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(step) + "\n")


def open_checkpoint(root: Path, order: Mapping[str, Any], *, newest: int, deletion: int) -> ExportCheckpoint:
    """Begin an export in a folder, or go on with the one that stopped there.

    One that stopped before the latest `deletion` is begun anew: what is forgotten must not be in it. A finished export
    of ours is replaced. Raises `TargetNotEmpty` for a folder with other things in it, or with an unfinished export of
    something else.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetNotEmpty(Sentence("shell.export_not_made", folder=str(root), reason=os_reason(error))) from error
    begun = _read(root / _ORDER)
    if begun is not None:
        if begun["order"] != json.loads(json.dumps(order)):
            raise TargetNotEmpty(Sentence("shell.export_other", folder=str(root)))
        journal = _retraced(root, int(begun["newest"]))
        if begun.get("deletion") == deletion:
            return journal
        for path in journal.touched:
            (root / path).unlink(missing_ok=True)
    else:
        _clear(root)
    (root / _STEPS).unlink(missing_ok=True)
    begin = {"order": order, "newest": newest, "deletion": deletion}
    (root / _ORDER).write_text(json.dumps(begin), encoding="utf-8")
    return ExportCheckpoint(root, newest)


def _retraced(root: Path, newest: int) -> ExportCheckpoint:
    journal = ExportCheckpoint(root, newest)
    steps = root / _STEPS
    for line in steps.read_text(encoding="utf-8").splitlines() if steps.exists() else ():
        _retrace(journal, line)
    return journal


def _retrace(journal: ExportCheckpoint, line: str) -> None:
    try:
        step = json.loads(line)
    except ValueError:  # cut off where the process died
        return
    if "after" in step:
        journal.after, journal.offset = step["after"], step["offset"]
        journal.conversations, journal.messages = step["conversations"], step["messages"]
        return
    if "begins" in step:
        journal.touched.update(step["begins"])
        return
    entries = [Entry(**each) for each in step["files"]]
    # Without a line for the index it was written by an earlier version, and is written again.
    if "line" in step and all((journal.root / each.path).is_file() for each in entries):
        journal.entries[step["conversation"]] = entries
        journal.lines[step["conversation"]] = IndexLine(**step["line"])


def _clear(root: Path) -> None:
    """Take away an earlier export of ours; leave anything else, and say so."""
    ours = {root / path for path in (*listed(root), NAME, _ORDER, _STEPS)}
    # Looked for first: whoever is refused keeps what was there.
    if any(path.is_file() and path not in ours for path in root.rglob("*")):
        raise TargetNotEmpty(Sentence("shell.export_not_empty", folder=str(root)))
    for path in ours:
        if path.resolve().is_relative_to(root.resolve()):
            path.unlink(missing_ok=True)


def _read(path: Path) -> Any:  # noqa: ANN401 (JSON)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
