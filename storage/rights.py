"""The rights of the folders in which what people said lies: they are their owner's alone."""

import stat
from pathlib import Path

import structlog

from pipeline.errors import SettingsInvalid

log = structlog.get_logger()

_OWNER_ALONE = 0o700


def keep_private(*folders: Path) -> None:
    """Make folders that nobody but their owner may enter, and narrow those that others may. Not for the event loop.

    Where a folder belongs to another account, its rights stay and the log says so.

    Raises:
        SettingsInvalid: A folder cannot be made.
    """
    for folder in folders:
        try:
            folder.mkdir(mode=_OWNER_ALONE, parents=True, exist_ok=True)
        except OSError as error:
            wrong = f"{str(folder)!r} cannot be made: {error.strerror or error}"
            raise SettingsInvalid([f"[storage] data_dir: {wrong}; name a folder this account may write"]) from None
        mode = stat.S_IMODE(folder.stat().st_mode)
        narrow = mode & _OWNER_ALONE
        if mode == narrow:
            continue
        try:
            folder.chmod(narrow)
        except OSError as error:
            log.warning("folder_open_to_others", folder=str(folder), mode=f"{mode:04o}", error=error.strerror)
        else:
            log.warning("folder_closed_to_others", folder=str(folder), was=f"{mode:04o}", now=f"{narrow:04o}")
