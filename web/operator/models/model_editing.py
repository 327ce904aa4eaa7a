"""Adds a model to the settings files, changes or removes one, after everything they would then say has been checked."""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock
from pydantic import SecretStr

from chains.catalog.config import ChainConfig
from chains.media.services import is_configured
from chains.models.registry import ModelRegistry
from chains.models.tables import DEFAULT, NOT_CHAT
from pipeline.errors import SettingsInvalid
from pipeline.settings import ModelTable, Settings
from pipeline.text.i18n import Catalogue, Sentence
from web.operator.models.model_values import EDITED, KEY, is_masked, is_secret_option, options_of, values_of
from web.settings.loading import Loaded, Source, load
from web.settings.places import FILES, PREFIX
from web.settings.settings_edit import NewValue, SettingsEdit, Value

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_LOCK = "settings.lock"
_LOCK_SECONDS = 10.0


class ModelEditConflict(SettingsInvalid):
    """The settings files have changed since they were shown."""


@dataclass(frozen=True, slots=True)
class ModelEdit:
    """What of a table of `[models]` shall be other; an empty `key` leaves the one there is."""

    name: str
    values: Mapping[str, Value]
    key: SecretStr = field(default_factory=lambda: SecretStr(""))
    options: Mapping[str, Value | None] = field(default_factory=dict)
    """Options of the model; None takes one away."""


def mark_of(source: Source | None) -> str:
    """Return what changes with every edit of the settings files. Looks at files."""
    return "" if source is None else hashlib.sha256(repr(sorted(source.signatures().items())).encode()).hexdigest()[:16]


def overridden_keys(loaded: Loaded, name: str) -> Mapping[str, str]:
    """Return the keys of a model that the environment sets, each with its variable: no file can change them."""
    table = loaded.layers.values.get("models", {}).get(name, {})
    origins = ((key, loaded.layers.origin(("models", name, key))) for key in {*EDITED, KEY, *table} & table.keys())
    return {key: origin for key, origin in sorted(origins) if origin.startswith(PREFIX)}


def write_model(
    loaded: Loaded, edit: ModelEdit, *, seen: str | None, words: Catalogue, former: ModelRegistry
) -> tuple[str, ...]:
    """Write an edit into settings.local.toml, secrets into .secrets.toml, and return the keys that are others now.

    `seen` is the mark of the files that the edit was made from, None for whatever they say. Reads and writes files.

    Raises:
        ModelEditConflict: the files are others by now; nothing is written.
        SettingsInvalid: the settings could not be used then, a variable overrides the edit, or the folder cannot be
            written; nothing is written.
    """
    if edit.name not in loaded.settings.models and not _NAME.fullmatch(edit.name):
        raise SettingsInvalid([Sentence("console.models_bad_name", found=edit.name)])
    values, gone = _changed(loaded, edit)
    keys = (*(value.key for value in values), *gone)
    vain = overridden_keys(loaded, edit.name)
    if problems := [
        Sentence("console.models_overridden", key=key, variable=vain[key]) for key in keys if key in vain
    ] or list(_unfit(loaded, edit, gone)):
        raise SettingsInvalid(problems)

    def put(edited: SettingsEdit) -> None:
        edited.put(values)
        for key in gone:
            edited.remove(("models", edit.name), key)

    _write(loaded, put, seen=seen, words=words, former=former, changes=bool(keys))
    return keys


def remove_model(
    loaded: Loaded,
    name: str,
    *,
    seen: str | None,
    words: Catalogue,
    former: ModelRegistry,
    chains: Sequence[ChainConfig],
) -> None:
    """Take a model out of settings.local.toml and .secrets.toml where none of the `chains` needs it.

    Raises:
        ModelEditConflict: the files are others by now; nothing is written.
        SettingsInvalid: something uses it, each named; or it stands elsewhere, or the folder cannot be written.
    """
    if name not in loaded.settings.models:
        known = ", ".join(sorted(loaded.settings.models))
        raise SettingsInvalid([Sentence("console.models_unknown_one", name=name, known=known)])
    if problems := [*_places(loaded, name), *uses_of(loaded.settings, name, chains)]:
        raise SettingsInvalid(problems)
    _write(loaded, lambda edited: edited.remove_table(("models", name)), seen=seen, words=words, former=former)


def uses_of(settings: Settings, name: str, chains: Sequence[ChainConfig]) -> list[Sentence]:
    """Return what keeps a model from being removed, a sentence for each that needs it."""
    users = [Sentence("console.models_used_by_chain", chain=each.name) for each in chains if name in _models_of(each)]
    users += [
        Sentence("console.models_used_by_model", model=other)
        for other, table in settings.models.items()
        if name in table.fallbacks
    ]
    users += [Sentence("console.models_used_by_budget")] if settings.budgets.cheaper == name else []
    return [*([Sentence("console.models_default_stays")] if name == DEFAULT else []), *dict.fromkeys(users)]


def _models_of(chain: ChainConfig) -> tuple[str, ...]:
    return (chain.model, chain.chooser)


def _places(loaded: Loaded, name: str) -> list[Sentence]:
    """Return where a model is set that no edit of the two files reaches."""
    first = dict(loaded.layers.by_name.get(FILES[0], {}).get("models", {}))
    shipped = first.get(name, {})
    if (
        name in NOT_CHAT
        and is_configured(loaded.settings, name)
        and not (shipped.get("api_key") or shipped.get("base_url"))
    ):
        # Without what the other files say it is off, as it was shipped.
        first.pop(name, None)
    found = {origin for path, origin in loaded.layers.origins.items() if path[:2] == ("models", name)}
    places = [*([FILES[0]] if name in first else []), *sorted(each for each in found if each.startswith(PREFIX))]
    return [Sentence("console.models_set_elsewhere", place=place) for place in places]


def _changed(loaded: Loaded, edit: ModelEdit) -> tuple[list[NewValue], list[str]]:
    """Return what is to be written, and the options to take away."""
    path = ("models", edit.name)
    table = loaded.settings.models.get(edit.name) or ModelTable()
    values, options = values_of(table), options_of(table)
    new = [NewValue(path, key, value) for key, value in edit.values.items() if value != values[key]]
    new += [
        NewValue(path, key, value, secret=is_secret_option(key, value))
        for key, value in edit.options.items()
        if value is not None and value != options.get(key)
    ]
    if key := edit.key.get_secret_value():
        new.append(NewValue(path, KEY, key, secret=True))
    return new, [key for key, value in edit.options.items() if value is None and key in options]


def _unfit(loaded: Loaded, edit: ModelEdit, gone: Sequence[str]) -> list[Sentence]:
    """Return what cannot be written of an edit, whatever the settings would say then."""
    table = loaded.settings.models.get(edit.name) or ModelTable()
    known, options = values_of(table), options_of(table)
    found = [Sentence("console.models_no_option", key=key) for key in edit.options if key in ModelTable.model_fields]
    now = {**options, **known}
    found += [
        Sentence("console.models_still_masked", key=key)
        for key, value in {**edit.options, **edit.values}.items()
        if value != now.get(key) and is_masked(value)
    ]
    first = loaded.layers.by_name.get(FILES[0], {}).get("models", {}).get(edit.name, {})
    found += [Sentence("console.models_option_elsewhere", key=key, file=FILES[0]) for key in gone if key in first]
    return found


def _write(
    loaded: Loaded,
    change: Callable[[SettingsEdit], None],
    *,
    seen: str | None,
    words: Catalogue,
    former: ModelRegistry,
    changes: bool = True,
) -> None:
    source = loaded.source
    if source is None:
        raise SettingsInvalid([Sentence("console.models_no_folder")])
    data = Path(loaded.settings.storage.data_dir)
    try:
        data.mkdir(parents=True, exist_ok=True)
        # Two who save at once, here or in other processes, write one after the other, and the second is told.
        with FileLock(data / _LOCK, timeout=_LOCK_SECONDS, thread_local=False):
            _refuse_stale(source, seen)
            if changes:
                before = mark_of(source)
                _check(source, change, words, former)
                edited = SettingsEdit(source.folder)
                change(edited)
                # An editor on the server asks for no lock; the check before may have taken a second.
                _refuse_stale(source, before)
                edited.write()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        folder = str(source.folder.resolve())
        raise SettingsInvalid([Sentence("console.models_read_only", folder=folder, reason=reason)]) from error


def _refuse_stale(source: Source, seen: str | None) -> None:
    if seen is not None and mark_of(source) != seen:
        raise ModelEditConflict([Sentence("console.models_changed_elsewhere")])


def _check(source: Source, change: Callable[[SettingsEdit], None], words: Catalogue, former: ModelRegistry) -> None:
    """Raise what the service would refuse the files for, if they said this, too."""
    with tempfile.TemporaryDirectory(prefix="webot-settings-") as folder:
        for name in FILES:
            if (file := source.folder / name).exists():
                shutil.copyfile(file, Path(folder) / name)
        edited = SettingsEdit(Path(folder))
        change(edited)
        edited.write()
        settings = load(Path(folder), source.environ, source.kinds).settings
    ModelRegistry(settings, words).refuse_demo_after(former)
