"""The rights of the folders in which what people said lies: they are their owner's alone."""

import os
import stat
from pathlib import Path

import structlog

from pipeline.errors import SettingsInvalid
from pipeline.text.i18n import Sentence, os_reason
from pipeline.text.phrases import placed

log = structlog.get_logger()

_OWNER_ALONE = 0o700


def check_folder(folder: Path) -> None:
    """Check that a folder can be written or made, without making it. Not for the event loop.

    Raises:
        SettingsInvalid: There is something else in its place, or this account may not write there.
    """
    here = folder.absolute()
    try:
        while not here.exists():
            here = here.parent
    except OSError as error:
        raise _unusable(folder, Sentence("setting.folder_hidden", reason=os_reason(error))) from None
    if not here.is_dir():
        itself = here == folder.absolute()
        raise _unusable(
            folder, Sentence("setting.no_folder_itself" if itself else "setting.no_folder_above", path=here)
        )
    if not os.access(here, os.W_OK | os.X_OK):
        raise _unusable(folder, Sentence("setting.folder_closed", path=here))


def _unusable(folder: Path, wrong: str) -> SettingsInvalid:
    return SettingsInvalid(
        [placed("[storage] data_dir", Sentence("setting.folder", folder=repr(str(folder)), wrong=wrong))]
    )


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
            raise _unusable(folder, Sentence("setting.folder_not_made", reason=os_reason(error))) from None
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
