"""The settings as they hold, line by line, each with the layer it comes from; secrets masked."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, SecretStr

from web.logs.redaction import MASK
from web.logs.secret_places import mask_setting
from web.settings.loading import Loaded
from web.settings.places import FILES
from web.settings.schema import toml_value


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is printed: the head of a table, or a key with its value; `note` names the layer."""

    setting: str
    note: str = ""
    is_table: bool = False


def effective(loaded: Loaded) -> Iterator[Line]:
    """Return every setting, table by table, in the form of a settings file."""
    between = ""
    for path, parts in _tables(loaded):
        yield Line(f"{between}[{'.'.join(path)}]", is_table=True)
        between = "\n"
        # A channel's kind knows the keys its table only carries, so its word comes last.
        rows = {key: (value, type(part).model_fields.get(key)) for part in parts for key, value in part}
        for key, (value, field) in rows.items():
            here = (*path, key)
            default = field is not None and value == field.default
            origin = loaded.layers.origins.get(here, "")
            # A key that settings.toml gives as the program would have it has nothing to tell.
            quiet = not origin or (origin == FILES[0] and (default or field is None))
            yield Line(
                f"{key} = {_setting_line(value, key, public=default, loose=field is None)}",
                "" if quiet else f"  # {origin}",
            )


def _tables(loaded: Loaded) -> Iterator[tuple[tuple[str, ...], list[BaseModel]]]:
    for name, value in loaded.settings:
        if isinstance(value, BaseModel):
            yield (name,), [value]
            continue
        for key, table in value.items():
            own = loaded.channels.get(key) if name == "channels" else None
            yield (name, key), [table, own] if own else [table]


def _setting_line(value: object, key: str, *, public: bool, loose: bool) -> str:
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        return toml_value(text if public or not text else MASK)
    return toml_value(_plain(value) if public else mask_setting(key, value, loose=loose))


def _plain(value: object) -> object:
    match value:
        case BaseModel():
            return value.model_dump(exclude_unset=True)
        case tuple() | list():
            return [_plain(item) for item in value]
        case _:
            return value
