"""Adds a model to the settings files or changes one, after everything they would then say has been checked."""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from chains.models.registry import ModelRegistry
from pipeline.errors import SettingsInvalid
from pipeline.settings import ModelTable
from pipeline.text.i18n import Catalogue, Sentence
from web.settings.loading import Loaded, Source, load
from web.settings.places import FILES, PREFIX
from web.settings.settings_edit import NewValue, SettingsEdit, Value

TEXTS = ("provider", "model", "base_url", "title", "about")
LISTS = ("fallbacks", "users")
NUMBERS = ("input_price", "output_price", "timeout")
SWITCHES = ("vision",)
KEY = "api_key"
_EDITED = (*TEXTS, *LISTS, *NUMBERS, *SWITCHES)

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class ModelEditConflict(SettingsInvalid):
    """The settings files have changed since they were shown."""


@dataclass(frozen=True, slots=True)
class ModelEdit:
    """A table of `[models]` as it shall be; an empty `key` leaves the one there is."""

    name: str
    values: Mapping[str, Value]
    key: SecretStr


def mark_of(source: Source | None) -> str:
    """Return what changes with every edit of the settings files. Looks at files."""
    return "" if source is None else hashlib.sha256(repr(sorted(source.signatures().items())).encode()).hexdigest()[:16]


def overridden_keys(loaded: Loaded, name: str) -> Mapping[str, str]:
    """Return the keys of a model that the environment sets, each with its variable: no file can change them."""
    origins = ((key, loaded.layers.origin(("models", name, key))) for key in (*_EDITED, KEY))
    table = loaded.layers.values.get("models", {}).get(name, {})
    return {key: origin for key, origin in origins if key in table and origin.startswith(PREFIX)}


def values_of(table: ModelTable) -> Mapping[str, Value]:
    """Return what of a table can be edited, the key excepted, which nobody is shown."""
    return {key: _plain(getattr(table, key)) for key in _EDITED}


def write_model(
    loaded: Loaded, edit: ModelEdit, *, seen: str, words: Catalogue, former: ModelRegistry
) -> tuple[str, ...]:
    """Write an edit into settings.local.toml, its key into .secrets.toml, and return the keys that are others now.

    `seen` is the mark of the files that the edit was made from. Reads and writes files.

    Raises:
        ModelEditConflict: the files are others by now; nothing is written.
        SettingsInvalid: the settings could not be used then, a variable overrides the edit, or the folder cannot be
            written; nothing is written.
    """
    source = loaded.source
    if source is None:
        raise SettingsInvalid([Sentence("console.models_no_folder")])
    if not _NAME.fullmatch(edit.name):
        raise SettingsInvalid([Sentence("console.models_bad_name", found=edit.name)])
    if mark_of(source) != seen:
        raise ModelEditConflict([Sentence("console.models_changed_elsewhere")])
    values = _changed(loaded, edit)
    vain = overridden_keys(loaded, edit.name)
    if problems := [
        Sentence("console.models_overridden", key=value.key, variable=vain[value.key])
        for value in values
        if value.key in vain
    ]:
        raise SettingsInvalid(problems)
    if values:
        _check(source, values, words, former)
        try:
            _edited(source.folder, values).write()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            folder = str(source.folder.resolve())
            raise SettingsInvalid([Sentence("console.models_read_only", folder=folder, reason=reason)]) from error
    return tuple(value.key for value in values)


def _changed(loaded: Loaded, edit: ModelEdit) -> list[NewValue]:
    path = ("models", edit.name)
    now = values_of(loaded.settings.models.get(edit.name) or ModelTable())
    values = [NewValue(path, key, value) for key, value in edit.values.items() if value != now[key]]
    if key := edit.key.get_secret_value():
        values.append(NewValue(path, KEY, key, secret=True))
    return values


def _check(source: Source, values: list[NewValue], words: Catalogue, former: ModelRegistry) -> None:
    """Raise what the service would refuse the files for, if they said this, too."""
    with tempfile.TemporaryDirectory(prefix="webot-settings-") as folder:
        for name in FILES:
            if (file := source.folder / name).exists():
                shutil.copyfile(file, Path(folder) / name)
        _edited(Path(folder), values).write()
        settings = load(Path(folder), source.environ, source.kinds).settings
    ModelRegistry(settings, words).refuse_demo_after(former)


def _edited(folder: Path, values: list[NewValue]) -> SettingsEdit:
    edited = SettingsEdit(folder)
    edited.put(values)
    return edited


def _plain(value: object) -> Value:
    if isinstance(value, tuple):
        return [str(each) for each in value]
    if isinstance(value, bool | int | float):
        return value
    return str(value)
