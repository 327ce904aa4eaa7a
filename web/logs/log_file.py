"""The log file: begun anew each midnight and when it is large, and again when another program has moved it."""

import logging
import os
import re
import sys
import time
from collections.abc import Sequence
from datetime import date
from io import TextIOWrapper
from pathlib import Path

_SILENT_SECONDS = 60
_MOST_LINES = 100
_FORMER = re.compile(r"\.(\d{4}-\d\d-\d\d)(?:\.(\d+))?")


class LogFile(logging.FileHandler):
    """A file that is its owner's alone; `keep` former ones stay beside it, 0 for none.

    A former file has its day in its name, and a number where that day had several. With `most_bytes`, a file of that
    size is one. What `mv` and a logrotate of the system do to the file is noticed with the next line.

    Lines are kept until `write_lines`, or until there are a hundred: looking at the file and writing to it costs a
    service at its limit more for a line than making the line does.
    """

    def __init__(self, path: Path, *, keep: int, most_bytes: int = 0) -> None:
        self._keep = keep
        self._most_bytes = most_bytes
        self._silent_until = 0.0
        self._wanted_anew = False
        self._lines: list[str] = []
        self._day = date.today()  # noqa: DTZ011 (the machine's own day, as the times in the file)
        super().__init__(path, mode="a", encoding="utf-8")

    def reopen(self) -> None:
        """Open the file anew before the next line; may be called from any thread, and does no I/O."""
        self._wanted_anew = True

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line of a record, to be written with those that follow at once."""
        try:
            self._lines.append(f"{self.format(record)}{self.terminator}")
        except Exception:  # noqa: BLE001 (as the library does: a line that cannot be made ends nothing)
            self.handleError(record)
        if len(self._lines) >= _MOST_LINES:
            self.write_lines()

    def write_lines(self) -> None:
        """Write the lines that are kept."""
        self.acquire()
        try:
            lines, self._lines = self._lines, []
            self._write(lines)
        except Exception:  # noqa: BLE001 (as above)
            self._complain()
        finally:
            self.release()

    def close(self) -> None:
        """Write what is kept, and close the file."""
        self.write_lines()
        super().close()

    def _write(self, lines: Sequence[str]) -> None:
        if not lines:
            return
        size = self._open_anew_if_moved()
        if size and self._day != date.today():  # noqa: DTZ011 (as above)
            size = self._begin_another()
        text = ""
        for line in lines:
            if 0 < self._most_bytes <= size:
                self._put(text)
                text, size = "", self._begin_another()
            text += line
            size += len(line.encode(errors="replace"))
        self._put(text)

    def _put(self, text: str) -> None:
        assert self.stream is not None  # noqa: S101 (opened before)
        self.stream.write(text)
        self.flush()

    def _open_anew_if_moved(self) -> int:
        """Open a file that was moved anew, and return how many bytes the file has."""
        if self._wanted_anew or self._is_moved():
            self._wanted_anew = False
            self._close_stream()
            self.stream = self._open()
        assert self.stream is not None  # noqa: S101 (opened above)
        size = os.fstat(self.stream.fileno()).st_size
        if not size:
            self._day = date.today()  # noqa: DTZ011 (as above)
        return size

    def _begin_another(self) -> int:
        """Rename the file and begin another, and return its size; if that fails, go on with the same."""
        path = Path(self.baseFilename)
        try:
            if self._keep:
                path.rename(self._free_name(path))
            else:
                path.unlink()
            self._close_stream()
            self.stream = self._open()
            for former in self._former(path)[: -self._keep or None]:
                former.unlink(missing_ok=True)
        except OSError:
            self._complain()
        # One that could not be put aside is tried again with the next lines, not with each of these.
        return 0

    def _open(self) -> TextIOWrapper:
        stream = open(  # noqa: SIM115 (it stays open)
            self.baseFilename,
            "a",
            encoding="utf-8",
            opener=lambda path, flags: os.open(path, flags, 0o600),
        )
        # A file from an earlier run is of the day on which it was written to for the last time.
        self._day = date.fromtimestamp(os.fstat(stream.fileno()).st_mtime)  # noqa: DTZ012 (as above)
        return stream

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 (logging's)
        """Return the console once a minute; the library would print the record, unmasked."""
        self._complain()

    def _complain(self) -> None:
        if time.monotonic() < self._silent_until:
            return
        self._silent_until = time.monotonic() + _SILENT_SECONDS
        print(f"webot: the log file cannot be written: {sys.exc_info()[1]}", file=sys.stderr)  # noqa: T201

    def _is_moved(self) -> bool:
        if self.stream is None:
            return True
        try:
            there = Path(self.baseFilename).stat()
        except FileNotFoundError:
            return True
        ours = os.fstat(self.stream.fileno())
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _close_stream(self) -> None:
        if self.stream is not None:
            self.stream.close()
            self.stream = None

    def _free_name(self, path: Path) -> Path:
        of_the_day = f"{path.name}.{self._day.isoformat()}"
        numbers = [number for day, number in map(_place, self._former(path)) if day == self._day.isoformat()]
        return path.with_name(f"{of_the_day}.{max(numbers) + 1}" if numbers else of_the_day)

    def _former(self, path: Path) -> list[Path]:
        found = [
            file for file in path.parent.iterdir() if _FORMER.fullmatch(file.name.removeprefix(path.name)) is not None
        ]
        return sorted(found, key=_place)


def _place(file: Path) -> tuple[str, int]:
    found = _FORMER.search(file.name)
    return (found[1], int(found[2] or 0)) if found else ("", 0)
