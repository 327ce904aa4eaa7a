"""What of faulty settings can be used, so that the rest is checked in the same round."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from web.settings.schema import Keys, coerce_toml

Model = TypeVar("Model", bound=BaseModel)


def usable_part(model: type[Model], values: dict[str, Any]) -> Model | None:
    """Return the model of the values that hold, with the defaults for those that do not; None if nothing helps."""
    left = deepcopy(values)
    while left:
        try:
            return model.model_validate(coerce_toml(model, left), strict=True)
        except ValidationError as error:
            removed = [
                _remove(left, details["loc"], missing=details["type"] == "missing") for details in error.errors()
            ]
            if not any(removed):
                return None
    return model.model_validate({})


def _remove(values: dict[str, Any], path: Keys, *, missing: bool) -> bool:
    """Remove a value, or the table that lacks it or holds a list with it; return whether there was one."""
    named: Sequence[str | int] = path[:-1] if missing else path
    here: Any = values
    for place, part in enumerate(named):
        deeper = here.get(part) if isinstance(here, dict) else None
        if not isinstance(deeper, dict) or place == len(named) - 1:
            return isinstance(here, dict) and here.pop(part, None) is not None
        here = deeper
    return False
