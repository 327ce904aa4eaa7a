"""The shell's verbs, one file each: a file here with a click command named `command` is a verb.

The file's name is the verb, `_` for `-`; the first line of its docstring stands in `webot --help`. A file is imported
when its verb is used and not before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    # What these bring with them would cost `webot --help` its half second.
    from pipeline.settings import Settings
    from web.configuration import Loaded


@dataclass(frozen=True)
class Shell:
    """Where a verb was called: the folder of the settings files, and the environment."""

    folder: Path
    environ: Mapping[str, str]

    def load(self) -> "Loaded":
        """Read and check the settings with their layers; `SettingsInvalid` if they do not hold."""
        from storage.temporary import provide_temporary_folder  # noqa: PLC0415 (see above)
        from web.configuration import load  # noqa: PLC0415 (see above)

        loaded = load(self.folder, self.environ)
        provide_temporary_folder(Path(loaded.settings.storage.data_dir))
        return loaded

    def settings(self) -> "Settings":
        """Read and check the settings; `SettingsInvalid` if they do not hold."""
        return self.load().settings


pass_shell = click.make_pass_decorator(Shell)
