"""What a settings model expects at each place, found by its path and described for people."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, SecretStr

from pipeline.text.i18n import Sentence
from pipeline.text.phrases import both, either

Keys = tuple[str | int, ...]

_SHOWN_LETTERS = 60


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """A place for a value: its type, and what bounds it."""

    annotation: Any
    metadata: Sequence[Any] = ()

    @property
    def is_table(self) -> bool:
        """Whether a TOML table belongs here."""
        return model_in(self.annotation) is not None or get_origin(self.annotation) is dict

    @property
    def is_text(self) -> bool:
        """Whether what was typed is to be kept to the letter."""
        return any(choice is str or choice is SecretStr or _is_words(choice) for choice in _choices(self.annotation))

    @property
    def is_secret(self) -> bool:
        """Whether the value must not be shown."""
        return SecretStr in _choices(self.annotation)


def model_in(annotation: object) -> type[BaseModel] | None:
    """Find the model an annotation names."""
    for choice in _choices(annotation):
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            return choice
    return None


def field_place(model: type[BaseModel], path: Keys) -> FieldPlace | None:
    """Find the place a path leads to; None where the model has no word for it."""
    here: FieldPlace | None = FieldPlace(model)
    for part in path:
        if here is None:
            return None
        here = _step(here, part)
    return here


def coerce_toml(annotation: object, value: Any) -> Any:  # noqa: ANN401 (whatever a human typed)
    """Convert TOML's types to the model's: a list becomes a tuple, a number text where text belongs."""
    if isinstance(value, dict):
        if model := model_in(annotation):
            fields = model.model_fields
            return {k: coerce_toml(fields[k].annotation, v) if k in fields else v for k, v in value.items()}
        if get_origin(annotation) is dict:
            return {key: coerce_toml(get_args(annotation)[1], item) for key, item in value.items()}
    if isinstance(value, list):
        for choice in _choices(annotation):
            if get_origin(choice) is tuple:
                return tuple(coerce_toml(get_args(choice)[0], item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        choices = _choices(annotation)
        if int not in choices and (str in choices or SecretStr in choices):
            return str(value)
    return value


def toml_path(model: type[BaseModel], path: Keys) -> str:
    """Name a place as its owner would look for it: `[table] key`."""
    tables: list[str] = []
    key = ""
    for depth, part in enumerate(path, start=1):
        here = field_place(model, path[:depth])
        if not key and here is not None and here.is_table:
            tables.append(str(part))
        elif isinstance(part, int):
            key += f"[{part}]"
        else:
            key += f".{part}" if key else part
    return " ".join([f"[{'.'.join(tables)}]"] * bool(tables) + [key] * bool(key))


def expected_value(here: FieldPlace) -> str:
    """Return what would be right in a place."""
    return either([_wanted(choice, here.metadata) for choice in _choices(here.annotation)])


_UNSEEN = re.compile(r"[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What JSON leaves as it is and nobody sees: controls, line ends, and those that turn the direction of a text."""


def toml_value(value: object) -> str:
    """Write a value as TOML would."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
        case Mapping():
            return (
                "{ " + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + " }" if value else "{}"
            )
        case list() | tuple():
            return f"[{', '.join(map(toml_value, value))}]"
        case _:
            return str(value)


def kind_of(value: object) -> Sentence:
    """Name the TOML type of a value."""
    kinds = {
        bool: "a_flag",  # before int, which it is one of
        int: "a_whole",
        float: "a_number",
        str: "a_text",
        Mapping: "a_table",
        list: "a_list",
        tuple: "a_list",
    }
    return Sentence(f"setting.{next((name for kind, name in kinds.items() if isinstance(value, kind)), 'a_date')}")


def describe_value(value: object, *, by_kind: bool) -> str:
    """Show what was found, by its kind alone where the value is nobody's business or too long to help."""
    if by_kind or isinstance(value, Mapping):
        return kind_of(value)
    text = toml_value(value)
    return text if len(text) <= _SHOWN_LETTERS else f"{text[:_SHOWN_LETTERS]}…"


def _step(here: FieldPlace, part: str | int) -> FieldPlace | None:
    for choice in _choices(here.annotation):
        if (model := model_in(choice)) and part in model.model_fields:
            field = model.model_fields[str(part)]
            return FieldPlace(field.annotation, field.metadata)
        if get_origin(choice) is dict and isinstance(part, str):
            return FieldPlace(get_args(choice)[1])
        if get_origin(choice) is tuple and isinstance(part, int):
            return FieldPlace(get_args(choice)[0])
    return None


def _choices(annotation: object) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, UnionType):
        return tuple(choice for choice in get_args(annotation) if choice is not type(None))
    return (annotation,)


def _is_words(annotation: object) -> bool:
    return get_origin(annotation) is Literal and all(isinstance(word, str) for word in get_args(annotation))


def _wanted(choice: Any, metadata: Sequence[Any]) -> str:  # noqa: ANN401 (whatever a type is)
    if choice is bool:
        return Sentence("setting.a_flag")
    if choice is int:
        return _within("a_whole", metadata)
    if choice is float:
        return _within("a_number", metadata)
    if choice is str or choice is SecretStr:
        return Sentence("setting.a_quoted_text")
    if get_origin(choice) is Literal:
        return either(map(toml_value, get_args(choice)))
    return _wanted_list(get_args(choice)[0]) if get_origin(choice) is tuple else Sentence("setting.a_table")


def _wanted_list(item: object) -> Sentence:
    if item is int:
        return Sentence("setting.numbers")
    return Sentence("setting.tables" if model_in(item) else "setting.texts")


def _within(kind: str, metadata: Sequence[Any]) -> Sentence:
    least = most = above = below = None
    for bound in metadata:
        match bound:
            case Ge(ge):
                least = ge
            case Le(le):
                most = le
            case Gt(gt):
                above = gt
            case Lt(lt):
                below = lt
            case _:  # whatever else an annotation may carry
                pass
    if least is not None and most is not None:
        return Sentence(f"setting.{kind}_within", limits=Sentence("setting.between", least=least, most=most))
    words = {"at_least": least, "at_most": most, "above": above, "below": below}
    limits = [Sentence(f"setting.{word}", limit=limit) for word, limit in words.items() if limit is not None]
    if not limits:
        return Sentence(f"setting.{kind}")
    return Sentence(f"setting.{kind}_within", limits=both(limits))
