"""The layers the settings are read from, and how they lie on one another.

settings.toml, settings.local.toml, .secrets.toml, the environment: a later one changes only the keys it names,
table by table; a list is replaced whole. Values from the environment follow dynaconf's rules, which are TOML's.
Its reading of files is not used: it replaces whole tables, adds `*.local.*` files to each layer, runs a
`dynaconf_hooks.py` it finds beside them and evaluates `@jinja` in values.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dynaconf.utils.parse_conf import boolean_fix, parse_conf_data

from pipeline.errors import SettingsInvalid
from pipeline.text.i18n import Sentence, os_reason
from pipeline.text.phrases import placed
from pipeline.text.toml_syntax import explain_syntax, is_too_deep, parse_toml
from web.settings.places import PREFIX
from web.settings.schema import FieldPlace, Keys

# Without these a value that begins with @ would be a command to dynaconf, @read_file among them.
_PLAIN = {"AUTO_CAST_FOR_DYNACONF": False, "DYNABOXIFY": False}


@dataclass(eq=False, slots=True)
class Layers:
    """What the layers say together, and which of them said it."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Keys, str] = field(default_factory=dict)
    by_name: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Each layer alone, by its name."""

    def lay(self, layer: Mapping[str, Any], name: str) -> None:
        """Add a layer on top."""
        self.by_name[name] = layer
        self._merge(self.values, layer, name, ())

    def origin(self, path: Keys) -> str:
        """Name the layer that set the value at a path; of a table, the last that set a key of it."""
        for depth in range(len(path), 0, -1):
            names = [name for known, name in self.origins.items() if known[:depth] == path[:depth]]
            if names:
                return names[-1]
        return ""

    def _merge(self, below: dict[str, Any], layer: Mapping[str, Any], name: str, path: Keys) -> None:
        for key, value in layer.items():
            here = (*path, key)
            if not isinstance(value, dict):
                below[key] = value
                self._note(here, name)
                continue
            if not isinstance(below.get(key), dict):
                below[key] = {}
                self._note(here, name)
            self._merge(below[key], value, name, here)

    def _note(self, here: Keys, name: str) -> None:
        # Taken out first, so that the origins stand in the order of the layers.
        self.origins.pop(here, None)
        self.origins[here] = name


def read_file(path: Path) -> dict[str, Any]:
    """Read one file, nothing if it is not there.

    Raises `SettingsInvalid` with the line of what is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors begin a file with a mark
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise SettingsInvalid([placed(path.name, Sentence("setting.not_utf8", byte=error.start))]) from error
    except OSError as error:
        raise SettingsInvalid([placed(path.name, Sentence("setting.unreadable", reason=os_reason(error)))]) from error
    try:
        return parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        # A value may be a secret.
        line, problem = explain_syntax(error, text, private=True)
        raise SettingsInvalid([placed(f"{path.name}:{line}", problem)]) from None


def variables(environ: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Return each setting of the environment: the variable's name, its path as typed, its raw value.

    A name without the double underscore is no setting: WEBOT_SETTINGS_DIR is one, and so are the variables
    an orchestrator makes up for a service called webot (WEBOT_PORT, WEBOT_SERVICE_HOST).
    """
    # A channel's kind says what its other keys are, so it comes before them.
    for name in sorted(environ, key=lambda name: (not name.endswith("__KIND"), name)):
        parts = tuple(name.removeprefix(PREFIX).split("__"))
        if name.startswith(PREFIX) and len(parts) > 1:
            yield name, parts, environ[name]


def match_case(parts: tuple[str, ...], values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a path from the environment in the letters the files use for it, in small ones if they do not."""
    path: list[str] = []
    here: Any = values
    for part in parts:
        known = here if isinstance(here, dict) else {}
        key = next((key for key in known if key.lower() == part.lower()), part.lower())
        path.append(key)
        here = known.get(key)
    return tuple(path)


def parse_env_value(raw: str, here: FieldPlace | None) -> Any:  # noqa: ANN401 (any TOML value)
    """Read a variable's value: text is kept to the letter, all else is TOML, and text when it is not."""
    if here is not None and here.is_text:
        return raw
    try:
        value = parse_conf_data(boolean_fix(raw), tomlfy=True, box_settings=_PLAIN)
    except (ValueError, RecursionError):
        # A number of thousands of digits, or lists in lists: what is expected there is told.
        return raw
    return raw if is_too_deep(value) else value


def environment(
    environ: Mapping[str, str],
    below: Mapping[str, Any],
    slot_of: Callable[[tuple[str, ...]], FieldPlace | None],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each variable's name with the layer it makes."""
    for name, parts, raw in variables(environ):
        path = match_case(parts, below)
        value: Any = parse_env_value(raw, slot_of(path))
        for key in reversed(path):
            value = {key: value}
        yield name, value
