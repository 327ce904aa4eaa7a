"""Values put into settings.local.toml and .secrets.toml, with the comments and the order of what stands there kept."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.container import OutOfOrderTableProxy
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from pipeline.errors import SettingsInvalid
from pipeline.text.i18n import Sentence
from web.settings.places import FILES
from web.settings.toml_lines import with_key, without_table

Value = str | int | float | bool | list[Any] | dict[str, Any]
_, LOCAL, SECRETS = FILES
_OWNER_ALONE = 0o600


@dataclass(frozen=True, slots=True)
class NewValue:
    """A key of a table such as `channels.bot`, and what it shall be."""

    table: tuple[str, str]
    key: str
    value: Value = field(repr=False)
    secret: bool = False

    @property
    def where(self) -> str:
        """Return how people find it."""
        return f"[{'.'.join(self.table)}] {self.key}"


class SettingsEdit:
    """The two files of a folder, edited in memory until `write`."""

    def __init__(self, folder: Path) -> None:
        """Read the files. Raises `SettingsInvalid` for one that is not TOML."""
        self._folder = folder
        self._files = {name: _read(folder / name) for name in (LOCAL, SECRETS)}

    def replaced(self, values: Iterable[NewValue]) -> list[str]:
        """Name what is set to something else now."""
        return [
            f"{name}: {each.where}"
            for each in values
            for name in (LOCAL, SECRETS)
            if (table := _table(self._files[name], each.table)) is not None
            and table.get(each.key, each.value) != each.value
        ]

    def put(self, values: Iterable[NewValue]) -> None:
        """Set the values: a secret in .secrets.toml alone, another where it stands, else in settings.local.toml."""
        for each in values:
            local, secrets = (_table(self._files[name], each.table) for name in (LOCAL, SECRETS))
            if each.secret and local is not None:
                local.pop(each.key, None)
            stands_with_secrets = secrets is not None and each.key in secrets
            home = SECRETS if each.secret or stands_with_secrets else LOCAL
            self._files[home] = _put(self._files[home], each)

    def remove(self, table: tuple[str, str], key: str) -> None:
        """Take a key out of a table, in whichever of the files it stands."""
        for name, document in self._files.items():
            found = _table(document, table)
            if found is not None and isinstance(found.get(key), Table):
                self._files[name] = without_table(document, (*table, key), name)
            elif found is not None:
                found.pop(key, None)

    def remove_table(self, table: tuple[str, str]) -> None:
        """Take a table out of both files, with the tables in it and the comment right above it.

        Raises:
            SettingsInvalid: a file writes it in a way that leaves no telling where it ends, such as inline.
        """
        for name, document in self._files.items():
            outer = document.get(table[0])
            if isinstance(outer, Mapping) and table[1] in outer:
                self._files[name] = without_table(document, table, name)

    def write(self) -> list[str]:
        """Write what has changed, each file whole or not at all; return the files' names."""
        return [name for name, document in self._files.items() if _write(self._folder / name, tomlkit.dumps(document))]


def _read(path: Path) -> TOMLDocument:
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return tomlkit.document()
    except (TOMLKitError, UnicodeDecodeError):
        # Without the parser's words, which may quote a secret.
        raise SettingsInvalid([Sentence("init.not_toml", file=path.name)]) from None


def _put(document: TOMLDocument, new: NewValue) -> TOMLDocument:
    """Set a value where it stands, else in a line of its own at the end of its table's."""
    there = _table(document, new.table)
    if there is not None and new.key in there:
        there[new.key] = _item(new.value)
        return document
    if (added := with_key(document, new.table, new.key, _item(new.value))) is not None:
        return added
    _table_made(document, new.table)[new.key] = _item(new.value)
    return document


def _item(value: Value) -> Any:  # noqa: ANN401 (any TOML value)
    """Return a value as it is written; a table inline, so that it ends where its line does."""
    if not isinstance(value, dict):
        return value
    inline = tomlkit.inline_table()
    inline.update({key: _item(each) for key, each in value.items()})
    return inline


def _table(document: TOMLDocument, path: tuple[str, str]) -> Table | OutOfOrderTableProxy | None:
    outer = document.get(path[0])
    inner = outer.get(path[1]) if isinstance(outer, Mapping) else None
    return inner if isinstance(inner, Table | OutOfOrderTableProxy) else None


def _table_made(document: TOMLDocument, path: tuple[str, str]) -> Table | OutOfOrderTableProxy:
    if path[0] not in document:
        document[path[0]] = tomlkit.table(is_super_table=True)
    outer = document[path[0]]
    if isinstance(outer, Table | OutOfOrderTableProxy) and path[1] not in outer:
        outer[path[1]] = tomlkit.table()
    made = _table(document, path)
    if made is None:
        raise SettingsInvalid([Sentence("init.no_table", where=f"[{'.'.join(path)}]")])
    return made


def _write(path: Path, text: str) -> bool:
    path = path.resolve()  # a link stays one
    if path.exists() and path.read_text(encoding="utf-8-sig") == text and path.name != SECRETS:
        return False
    if not text and not path.exists():
        return False
    number, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mode = _OWNER_ALONE if path.name == SECRETS or not path.exists() else path.stat().st_mode & 0o777
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True
