"""A table as a human typed it, made into its model; or one readable line for each thing that is wrong with it."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.text.i18n import Sentence
from pipeline.text.phrases import either, nearest, placed
from web.logs.redaction import Redactor, is_secret
from web.settings.schema import (
    FieldPlace,
    Keys,
    coerce_toml,
    describe_value,
    expected_value,
    field_place,
    model_in,
    toml_path,
)

Model = TypeVar("Model", bound=BaseModel)


def validate_table(
    model: type[Model],
    data: Mapping[str, Any],
    where: str = "",
    *,
    origin: Callable[[Keys], str] | None = None,
) -> Model | tuple[str, ...]:
    """Return the model's instance, or every problem as a line; `where` names the table, as in `[channels.hr]`.

    `origin` names the file or variable that set the value at a path.
    """
    try:
        # Strict: TOML has types of its own, so "10" where a number belongs is a mistake worth telling.
        return model.model_validate(coerce_toml(model, dict(data)), strict=True)
    except ValidationError as error:
        problems = [_problem(model, details, where, origin) for details in error.errors()]
        return tuple(dict.fromkeys(problems))


def _problem(
    model: type[BaseModel],
    details: ErrorDetails,
    where: str,
    origin: Callable[[Keys], str] | None,
) -> str:
    path = details["loc"]
    source = origin(path) if origin else ""
    named = " ".join(filter(None, [where, toml_path(model, path)])) if where else toml_path(model, path)
    if details["type"] == "extra_forbidden":
        named, problem = _unknown(model, path, where, details["input"])
    else:
        problem = _unfit(field_place(model, path), path, details)
    return placed(": ".join(filter(None, [source, named])), problem)


def _unknown(model: type[BaseModel], path: Keys, where: str, value: object) -> tuple[str, str]:
    *above, last = path
    parent = field_place(model, tuple(above))
    owner = model_in(parent.annotation) if parent else None
    known = dict(owner.model_fields) if owner else {}
    meant = nearest(str(last).lower(), known)
    if not above and not where and isinstance(value, dict):
        tables = ", ".join(_table(name, field_place(model, (name,))) for name in known)
        return f"[{last}]", _no_such("table", f"[{meant}]" if meant else "", tables)
    if not above and not where:
        # Above every table stands what was meant for one of them.
        homes = [
            f"[{name}] {last}"
            for name, field in known.items()
            if (table := model_in(field.annotation)) and last in table.model_fields
        ]
        meant = either(homes) if homes else meant
    named = " ".join(filter(None, [where, toml_path(model, path)]))
    return named, _no_such("key", meant, ", ".join(known))


def _no_such(what: Literal["table", "key"], meant: str, known: str) -> Sentence:
    if meant:
        return Sentence(f"setting.unknown_{what}_near", near=meant, known=known)
    return Sentence(f"setting.unknown_{what}", known=known)


def _table(name: str, here: FieldPlace | None) -> str:
    return f"[{name}]" if here and model_in(here.annotation) else f"[{name}.<name>]"


def _unfit(here: FieldPlace | None, path: Keys, details: ErrorDetails) -> str:
    value = details["input"]
    if details["type"] == "missing":
        return Sentence("setting.missing", wanted=expected_value(here)) if here else Sentence("setting.missing_key")
    # The argument itself, because the text of an exception is no sentence any more.
    reason = details["ctx"]["error"].args[0] if details["type"] == "value_error" else ""
    if here is None or (here.is_table and reason):
        return reason or details["msg"]
    secret = here.is_secret or any(is_secret(part) for part in path if isinstance(part, str))
    found = describe_value(value, by_kind=secret or here.is_table)
    seen = found if isinstance(found, Sentence) else Redactor().text(found)
    return Sentence("setting.found", found=seen, wanted=reason or expected_value(here))
