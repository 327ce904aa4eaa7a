"""Reads what programs ask for in JSON or in the address, where a misspelt key is an error."""

from typing import Any, TypeVar

from litestar import Request
from litestar.exceptions import HTTPException
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

_MOST_DIGITS = 18


class RequestModel(BaseModel):
    """What may be asked for."""

    model_config = ConfigDict(extra="forbid")


S = TypeVar("S", bound=RequestModel)
T = TypeVar("T")


async def from_body(shape: type[T], request: Request[Any, Any, Any]) -> T:
    """Read a body, for a model or a dataclass; a 400 says what is wrong with it."""
    try:
        return TypeAdapter(shape).validate_json(await request.body())
    except ValidationError as error:
        raise _unfit(error) from None


def from_query(shape: type[S], request: Request[Any, Any, Any]) -> S:
    """Read an address; a 400 says what is wrong with it."""
    try:
        # Any address may say in which language it is answered.
        return shape.model_validate({name: value for name, value in request.query_params.items() if name != "lang"})
    except ValidationError as error:
        raise _unfit(error) from None


def whole_number(text: str) -> int | None:
    """Read a number a page counts by; None for what is none, or has more digits than anything here is counted to."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def seen_mark(request: Request[Any, Any, Any]) -> str:
    """Return the mark of what a request means to change, empty for what is not there yet.

    Raises:
        HTTPException: the request does not say.
    """
    if request.headers.get("if-none-match", "").strip() == "*":
        return ""
    given = request.headers.get("if-match", "").strip()
    mark = given.removeprefix("W/").strip('"')
    if not mark or mark == "*":
        raise HTTPException(status_code=428, detail="console.chains_if_match")
    return mark


def _unfit(error: ValidationError) -> HTTPException:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    detail = "; ".join(f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in problems)
    return HTTPException(status_code=400, detail=detail)
