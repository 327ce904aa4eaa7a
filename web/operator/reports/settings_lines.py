"""The settings that hold, table by table, as the console and the API show them."""

from dataclasses import dataclass

from web.settings.effective import effective
from web.settings.loading import Loaded


@dataclass(frozen=True, slots=True)
class SettingLine:
    """A key with its value as a settings file has it, secrets masked; `layer` is the file or variable it is from."""

    key: str
    value: str
    layer: str


@dataclass(frozen=True, slots=True)
class SettingsTable:
    """A table of the settings."""

    name: str
    lines: tuple[SettingLine, ...]

    @property
    def is_given(self) -> bool:
        """Whether any of its keys is set by a file or a variable beyond what webot ships."""
        return any(line.layer for line in self.lines)


def settings_tables(loaded: Loaded) -> tuple[SettingsTable, ...]:
    """Return every table with every key."""
    tables: list[tuple[str, list[SettingLine]]] = []
    for line in effective(loaded):
        if line.is_table:
            tables.append((line.setting.strip(), []))
            continue
        key, _, value = line.setting.partition(" = ")
        tables[-1][1].append(SettingLine(key, value, line.note.strip().removeprefix("#").strip()))
    return tuple(SettingsTable(name, tuple(lines)) for name, lines in tables)
