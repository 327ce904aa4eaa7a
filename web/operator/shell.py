"""Where a command of the shell was called: the folder of the settings files, and the environment."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.settings import Settings
    from pipeline.text.i18n import Catalogue, Language
    from web.settings.loading import Loaded

SPOKEN = "webot.catalogue"
"""Under this name a verb keeps the language it speaks in click's context."""


@dataclass(frozen=True)
class Shell:
    """Where a verb was called: the folder of the settings files, and the environment."""

    folder: Path
    environ: Mapping[str, str]

    def load(self) -> "Loaded":
        """Read and check the settings with their layers; `SettingsInvalid` if they do not hold."""
        from pipeline.errors import SettingsInvalid  # noqa: PLC0415 (see above)
        from pipeline.text.time_zone import use_timezone  # noqa: PLC0415 (see above)
        from storage.temporary import provide_temporary_folder  # noqa: PLC0415 (see above)
        from web.settings.loading import SettingsRefused, load  # noqa: PLC0415 (see above)

        try:
            loaded = load(self.folder, self.environ)
        except SettingsRefused as error:
            raise SettingsInvalid(merged_problems(error.problems, error.usable)) from None
        use_timezone(loaded.settings.chat.timezone)
        provide_temporary_folder(Path(loaded.settings.storage.data_dir))
        return loaded

    @property
    def language(self) -> "Language":
        """Return the language to speak; see `shell_language`. Reads the settings files."""
        from web.settings.language import shell_language  # noqa: PLC0415 (see above)

        return shell_language(self.folder, self.environ)

    def say(self, key: str, /, **values: object) -> str:
        """Return a sentence of the catalogue's table `shell` in the language to speak."""
        from pipeline.text.i18n import Catalogue  # noqa: PLC0415 (see above)

        return Catalogue(self.language).text(f"shell.{key}", **values)

    def settings(self) -> "Settings":
        """Read and check the settings; `SettingsInvalid` if they do not hold."""
        return self.load().settings


def merged_problems(first: "Sequence[str]", rest: "Loaded | None") -> list[str]:
    """Return problems that were found, and in the same round whatever a start would refuse of the rest."""
    import asyncio  # noqa: PLC0415 (see above)

    from pipeline.errors import WebotError  # noqa: PLC0415 (see above)
    from pipeline.settings import Log  # noqa: PLC0415 (see above)
    from web.logs.setup import configure_logs  # noqa: PLC0415 (see above)
    from web.operator.dry_run import every_problem  # noqa: PLC0415 (see above)
    from web.settings.loading import secrets_of  # noqa: PLC0415 (see above)

    more: list[str] = []
    if rest is not None:
        # What is no mistake in the settings does not hide those that were found.
        with configure_logs(Log(level="critical"), secrets_of(rest)), suppress(WebotError, OSError):
            more = asyncio.run(every_problem(rest))
    only_first = [problem for problem in first if not any(other.endswith(problem) for other in more)]
    return list(dict.fromkeys([*only_first, *more]))


def spoken() -> "Catalogue":
    """Return the language that a verb speaks: that of the settings once they are read, else `Shell.language`."""
    from pipeline.text.i18n import Catalogue  # noqa: PLC0415 (see above)

    context = click.get_current_context()
    found = context.meta.get(SPOKEN)
    if isinstance(found, Catalogue):
        return found
    shell = context.find_object(Shell)
    return Catalogue("en" if shell is None else shell.language)


pass_shell = click.make_pass_decorator(Shell)
