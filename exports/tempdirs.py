"""Makes folders to render in, and takes away those whose process was killed: what people said lies in them."""

import fcntl
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from exports.open_in_thread import opened_in_thread

_PREFIX = "webot-export-"


@asynccontextmanager
async def work_folder(parent: Path | None = None) -> AsyncIterator[Path]:
    """Make a folder nobody else may look into, and take it away again; those left behind before it, too.

    It is among the system's temporary files if no `parent` is given.
    """
    async with opened_in_thread(lambda: _begin(parent or Path(gettempdir())), lambda made: _end(*made)) as (folder, _):
        yield folder


def sweep(parent: Path) -> int:
    """Remove the folders no living process works in; return how many."""
    removed = 0
    for folder in parent.glob(f"{_PREFIX}*"):
        if (lock := _locked(folder)) is not None:
            _end(folder, lock)
            removed += 1
    return removed


def _begin(parent: Path) -> tuple[Path, int]:
    sweep(parent)
    while True:
        folder = Path(mkdtemp(prefix=_PREFIX, dir=parent))
        # Another process may have swept it away before it was locked.
        if (lock := _locked(folder)) is not None:
            return folder, lock


def _end(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def _locked(folder: Path) -> int | None:
    """Lock a folder of ours that nobody holds; the system lets go of it when its process ends, however it ends."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    with suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_uid == os.geteuid() and folder.exists():
            return lock
    os.close(lock)
    return None
