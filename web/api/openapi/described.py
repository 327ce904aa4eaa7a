"""What a route of the API declares of itself beyond its address: what it takes, answers and refuses with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from litestar.handlers import BaseRouteHandler

from web.console.request_models import RequestModel

_COMMON = (400, 401, 403, 429, 500, 503)
"""What any route may refuse with: a malformed request, nobody signed in, a role, too many guesses, faults."""
_TOO_LARGE = 413


@dataclass(frozen=True, slots=True)
class RouteDescription:
    """One route: `answer` and the types in `also` are of JSON, unless `media` says otherwise."""

    query: type[RequestModel] | None = None
    body: type[Any] | None = None
    answer: Any = None
    """The type of the first answer; None for one without a body."""
    media: str = "application/json"
    also: Mapping[int, Any] | None = None
    """Other answers that are none of a problem: their types."""
    problems: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()
    """Request headers that say something to this route."""

    @property
    def statuses_of_problems(self) -> tuple[int, ...]:
        """Return every status with which something is refused."""
        large = (_TOO_LARGE,) if self.body else ()
        return tuple(sorted({*_COMMON, *self.problems, *large}))


def describe(
    *,
    query: type[RequestModel] | None = None,
    body: type[Any] | None = None,
    answer: object = None,
    media: str = "application/json",
    also: Mapping[int, Any] | None = None,
    problems: tuple[int, ...] = (),
    headers: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the keyword by which a route declares what it takes, answers and refuses with."""
    return {"described": RouteDescription(query, body, answer, media, also, problems, headers)}


def description_of(handler: BaseRouteHandler) -> RouteDescription:
    """Return what a route declares.

    Raises:
        LookupError: it declares nothing.
    """
    found = handler.opt.get("described")
    if not isinstance(found, RouteDescription):
        raise LookupError(f"the route {', '.join(sorted(handler.paths))} is not described")  # noqa: TRY004 (a route is at fault, no type)
    return found


def check_described(handlers: Iterable[BaseRouteHandler]) -> None:
    """Refuse to start with a route that does not describe itself.

    Raises:
        LookupError: a route does not.
    """
    for handler in handlers:
        description_of(handler)
