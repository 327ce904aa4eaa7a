"""What is wrong with a chain's file, said so that whoever wrote it finds the place and knows what to write."""

import tomllib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails, PydanticCustomError

from chains.catalog.options import in_settings
from chains.models.option_types import OPTIONS, shown
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import nearest, placed
from pipeline.text.toml_locations import Path, TomlLocations, path_of
from pipeline.text.toml_syntax import explain_syntax as explain_toml


def mistake(key: str, /, *, field: str = "", **values: object) -> PydanticCustomError:
    """Return what a validator raises: a sentence of the catalogue's table `mistake`.

    `field` names the key where pydantic does not know it.
    """
    return mistaken(Sentence(f"mistake.{key}", **values), field=field)


def mistaken(said: str, *, line: int = 0, field: str = "") -> PydanticCustomError:
    """Return what a validator raises; `line` counts within the value's own text."""
    return PydanticCustomError("mistake", "mistake", {"said": said, "line": line, "field": field})


def keyed(source: str, key: str, said: str, line: int = 0) -> Sentence:
    """Return a problem with its place: the file, the line, and the key."""
    return Sentence("mistake.at", place=f"{source}:{line}" if line else source, key=key, said=said)


def located(source: str, said: str, where: TomlLocations, *, about: str = "") -> str:
    """Return a problem with the file and the line of the keys that it begins with, such as `model: …`.

    `about` begins with them where `said` does not.
    """
    keys = (about or said).partition(":")[0].split(", ")
    line = next((line for key in keys if (line := where.line(path_of(key)))), 0)
    return placed(f"{source}:{line}" if line else source, said)


def explain(model: type[BaseModel], problem: ErrorDetails, source: str, where: TomlLocations) -> Sentence:
    """Return what pydantic found: the file, the line, the key, what stands there and what would be right."""
    path = tuple(problem["loc"])
    context = problem.get("ctx", {})
    line = where.line(path)
    said: str
    match problem["type"]:
        case "extra_forbidden":
            said = _unknown_key(model, path)
        case "missing":
            said = Sentence("mistake.missing")
        case "mistake":
            path = (*path, context["field"]) if context["field"] else path
            line = where.inside(path, int(context["line"])) if context["line"] else where.line(path)
            said = context["said"]
        case _:
            said = _unfit(problem, path)
    return keyed(source, key_name(path), said, line)


def key_name(path: Path) -> str:
    """Return a path as people count: `cases.2.input`."""
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in path)


def explain_syntax(source: str, error: tomllib.TOMLDecodeError, text: str) -> str:
    """Return what the parser found."""
    line, said = explain_toml(error, text)
    return placed(f"{source}:{line}", said)


def _unknown_key(model: type[BaseModel], path: Path) -> Sentence:
    key = str(path[-1])
    known = _keys(model, path[:-1])
    own = frozenset(model.model_fields)
    wanted = key.casefold().replace("-", "_")
    if len(path) > 1 and wanted in own:
        return Sentence("mistake.after_table", table=f"[[{path[0]}]]")
    if key in OPTIONS:
        return Sentence("mistake.in_options", key=key)
    if in_settings(key, own):
        return Sentence("mistake.in_models")
    near = nearest(wanted, [*known, *OPTIONS])
    if near in known:
        return Sentence("mistake.unknown_key_near", near=near, known=", ".join(known))
    if near:
        return Sentence("mistake.near_option", near=near)
    return Sentence("mistake.unknown_key", known=", ".join(known))


def _keys(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """Name the keys of the table at a path."""
    inner = model.nested().get(str(path[0])) if path and hasattr(model, "nested") else None
    return tuple(inner.model_fields if inner else model.model_fields)


def _unfit(problem: ErrorDetails, path: Path) -> Sentence:
    value = problem["input"]
    kind = problem["type"]
    if kind == "tuple_type" and isinstance(value, Mapping):
        return Sentence("mistake.double_brackets", key=key_name(path))
    if (
        kind in {"dict_type", "string_type"}
        and isinstance(value, tuple)
        and all(isinstance(each, Mapping) for each in value)
    ):
        return Sentence("mistake.single_brackets", key=key_name(path))
    return Sentence("mistake.found", found=shown(value), wanted=_wanted(problem))


_WANTED: Mapping[str, Sentence] = {
    "string_type": Sentence("mistake.needs_text"),
    "int_type": Sentence("mistake.needs_whole"),
    "bool_type": Sentence("mistake.needs_flag"),
    "tuple_type": Sentence("mistake.needs_list"),
    "dict_type": Sentence("mistake.needs_table"),
    "model_type": Sentence("mistake.needs_table"),
}


def _wanted(problem: ErrorDetails) -> str:
    context: Mapping[str, Any] = problem.get("ctx", {})
    match problem["type"]:
        case "greater_than_equal":
            return Sentence("mistake.needs_least", least=context.get("ge"))
        case "less_than_equal":
            return Sentence("mistake.needs_most", most=context.get("le"))
        case "literal_error":
            choices = str(context.get("expected", "")).replace("'", '"').replace(" or ", ", ")
            return Sentence("mistake.needs_choice", choices=choices)
        case kind:
            return _WANTED.get(kind) or f"{problem['msg'][0].lower()}{problem['msg'][1:]}"
