"""A folder for temporary files where the system has none, as in a container whose root is read-only."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from storage.rights import keep_private


def provide_temporary_folder(data_dir: Path, *, find: Callable[[], str] = tempfile.gettempdir) -> None:
    """Use `data_dir` for temporary files, those of child processes too, if the system has no place for them.

    Not for the event loop. Raises `SettingsInvalid` where that cannot be made either.
    """
    try:
        find()
    except FileNotFoundError:
        folder = data_dir.absolute() / "tmp"
        keep_private(folder)
        os.environ["TMPDIR"] = str(folder)
        # It is looked up once a process.
        tempfile.tempdir = None
