"""The settings of a folder and its environment, checked as a whole before anything starts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from chains.models.option_types import OPTIONS, PASSED_ON
from pipeline.errors import SettingsInvalid
from pipeline.settings import ChannelSettings, ChannelTable, ModelTable, Settings
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import either, nearest, placed
from web.channel_kinds import KINDS, Kinds
from web.logs.secret_places import secrets_in
from web.settings.layers import Layers, environment, read_file, variables
from web.settings.partial import usable_part
from web.settings.places import FILES, FOLDER, PREFIX
from web.settings.schema import FieldPlace, Keys, field_place, toml_path, toml_value
from web.settings.validation import validate_table

Signatures = Mapping[str, tuple[int, int, int]]
"""Of each file that is there: when it was written, in nanoseconds, how many bytes it has, and which file it is."""

_UNSEEN = (0, 0, 0)
"""Of a file that is there and cannot be looked at; reading it says why."""


@dataclass(frozen=True)
class Source:
    """Where settings are read from."""

    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    kinds: Kinds = field(repr=False)

    def load(self) -> "Loaded":
        """Read them; see `load`."""
        return load(self.folder, self.environ, self.kinds)

    def signatures(self) -> Signatures:
        """Return the files' signatures, without reading them: an edited file has another one."""
        found: dict[str, tuple[int, int, int]] = {}
        for name in FILES:
            try:
                stat = (self.folder / name).stat()
            except FileNotFoundError:
                continue
            except OSError:
                found[name] = _UNSEEN
            else:
                found[name] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        return found


@dataclass(frozen=True)
class Loaded:
    """Settings that hold, with the layers they came from.

    `channels` has each channel's own keys, checked by its kind. `hints` are things that look like mistakes
    and may be meant. `source` is where they are read from again when the files change, None for never; `signatures`
    are those of the files just before they were read.
    """

    settings: Settings
    layers: Layers
    channels: Mapping[str, ChannelSettings] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    source: Source | None = None
    signatures: Signatures = field(default_factory=dict)
    kinds: Kinds = field(default_factory=lambda: KINDS)


class SettingsRefused(SettingsInvalid):
    """Settings that cannot be used; `usable` is what is left of them without the faults, to look for more in."""

    def __init__(self, problems: Sequence[str], usable: Loaded | None) -> None:
        super().__init__(problems)
        self.usable = usable


def settings_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the settings files: WEBOT_SETTINGS_DIR, or the working folder."""
    return Path(environ.get(FOLDER) or ".")


def load_settings(folder: Path, environ: Mapping[str, str], kinds: Kinds = KINDS) -> Settings:
    """Return the settings, or raise `SettingsInvalid` with everything that is wrong with them."""
    return load(folder, environ, kinds).settings


def load(folder: Path, environ: Mapping[str, str], kinds: Kinds = KINDS) -> Loaded:
    """Read and check every layer; `kinds` are the kinds of channels there are.

    Raises `SettingsInvalid`.
    """
    source = Source(folder, environ, kinds)
    signatures = source.signatures()
    layers, unread = _read(folder, environ, kinds)
    settings = validate_table(Settings, layers.values, origin=layers.origin)
    problems = list(settings) if isinstance(settings, tuple) else []
    problems += _with_nul(layers.values, layers)
    channels: dict[str, ChannelSettings] = {}
    for name, table in _channels(layers.values).items():
        checked = _own(name, table, kinds, layers)
        if isinstance(checked, tuple):
            problems += checked
        elif checked is not None:
            channels[name] = checked
    if unread or problems or isinstance(settings, tuple):
        # What a file that cannot be read may hold is not missing.
        all_problems = [*unread, *(problem for problem in problems if not unread or " missing" not in problem)]
        usable = None if unread else _usable(layers, channels, kinds)
        raise SettingsRefused(list(dict.fromkeys(all_problems)), usable)
    for name in _superseded(channels, layers):
        del channels[name]
    settings = settings.model_copy(
        update={"channels": {name: table for name, table in settings.channels.items() if name in channels}}
    )
    hints = (*_misspelt(environ), *_misnamed(settings, layers))
    return Loaded(settings, layers, channels, hints, source, signatures, kinds)


def _superseded(channels: Mapping[str, ChannelSettings], layers: Layers) -> list[str]:
    """Return the channels that settings.toml offers to be tried out, once one with credentials is set up."""
    if not any(table.has_credentials for table in channels.values()):
        return []
    origins: dict[str, set[str]] = {}
    for path, origin in layers.origins.items():
        if path[0] == "channels" and len(path) > 1 and origin:
            origins.setdefault(str(path[1]), set()).add(origin)
    return [name for name, table in channels.items() if not table.has_credentials and origins.get(name) == {FILES[0]}]


def secrets_of(loaded: Loaded) -> tuple[str, ...]:
    """Return every secret that is set, so that the log can watch for it; a default is public and none."""
    found = secrets_in(loaded.settings)
    for table in loaded.channels.values():
        found += secrets_in(table)
    return tuple(dict.fromkeys(filter(None, found)))


def _usable(layers: Layers, channels: Mapping[str, ChannelSettings], kinds: Kinds) -> Loaded | None:
    values = {**layers.values, "channels": {n: t for n, t in _channels(layers.values).items() if n in channels}}
    settings = usable_part(Settings, values)
    if settings is None:
        return None
    kept = {name: table for name, table in channels.items() if name in settings.channels}
    return Loaded(settings, layers, kept, kinds=kinds)


def _read(folder: Path, environ: Mapping[str, str], kinds: Kinds) -> tuple[Layers, list[str]]:
    """Read the layers; return them with what could not be read."""
    if not folder.is_dir():
        raise SettingsInvalid([placed(str(folder), Sentence("setting.no_folder", variable=FOLDER))])
    problems: list[str] = []
    layers = Layers()
    layers.lay({"channels": {"wecom": {}}, "models": {"default": {}, "image": {}}}, "")
    for name in FILES:
        try:
            layers.lay(read_file(folder / name), name)
        except SettingsInvalid as error:
            problems += error.problems
    nameless = {name for name, parts, _ in variables(environ) if "" in parts}
    problems += [placed(name, Sentence("setting.unknown_variable", prefix=PREFIX)) for name in sorted(nameless)]
    for name, layer in environment(environ, layers.values, lambda path: _slot(path, layers.values, kinds)):
        if name not in nameless:
            layers.lay(layer, name)
    return layers, problems


def _slot(path: Keys, values: Mapping[str, Any], kinds: Kinds) -> FieldPlace | None:
    if here := field_place(Settings, path):
        return here
    if len(path) <= len(("channels", "name")) or path[0] != "channels":
        return None
    table = _channels(values).get(str(path[1]), {})
    kind = kinds.get(str(table.get("kind", ChannelTable().kind)))
    return field_place(kind.settings, path[2:]) if kind else None


def _channels(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    channels = values.get("channels")
    tables = channels if isinstance(channels, dict) else {}
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def _own(name: str, table: Mapping[str, Any], kinds: Kinds, layers: Layers) -> ChannelSettings | tuple[str, ...] | None:
    where, root = f"[channels.{name}]", ("channels", name)
    kind = table.get("kind", ChannelTable().kind)
    if not isinstance(kind, str):
        return None  # which the shared keys' check has told
    if (known := kinds.get(kind)) is None:
        source = layers.origin((*root, "kind"))
        wanted = either(map(toml_value, kinds))
        return (placed(f"{source}: {where} kind", Sentence("setting.found", found=toml_value(kind), wanted=wanted)),)
    model: type[ChannelSettings] = known.settings
    shared = ChannelTable.model_fields
    own = {key: value for key, value in table.items() if key in model.model_fields or key not in shared}
    return validate_table(model, own, where, origin=lambda path: layers.origin((*root, *path)))


def _with_nul(value: object, layers: Layers, path: Keys = ()) -> Iterator[str]:
    """Yield what is wrong with each text that holds the character NUL: no path, address or program may."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _with_nul(inner, layers, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _with_nul(inner, layers, (*path, number))
    if "\0" in (str(path[-1]) if path else "") + (value if isinstance(value, str) else ""):
        yield placed(f"{layers.origin(path)}: {toml_path(Settings, path)}", Sentence("setting.nul"))


def _misspelt(environ: Mapping[str, str]) -> list[str]:
    known = {
        f"{PREFIX}{table}_{key}".upper(): f"{PREFIX}{table}__{key}".upper()
        for table, field_ in Settings.model_fields.items()
        if isinstance(field_.default, BaseModel)
        for key in type(field_.default).model_fields
    }
    return [Sentence("setting.misspelt", name=name, meant=known[name]) for name in sorted(environ) if name in known]


def _misnamed(settings: Settings, layers: Layers) -> list[str]:
    known = ModelTable.model_fields
    return [
        Sentence(
            "setting.misnamed", place=f"{layers.origin(('models', name, key))}: [models.{name}] {key}", meant=meant
        )
        for name, table in settings.models.items()
        for key in table.own
        if key not in OPTIONS and key not in PASSED_ON
        # The servers' own options are many, and some differ from another in one letter: top_a and top_k.
        if (meant := nearest(key.lower(), OPTIONS, alike=0.85) or nearest(key.lower(), known, alike=0.75))
    ]
