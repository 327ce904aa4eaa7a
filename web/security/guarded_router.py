"""A part of the console's port: its routes behind the guard, with the headers that keep a page from harm."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from litestar import Router
from litestar.handlers import HTTPRouteHandler
from litestar.types import ExceptionHandlersMap

from web.security.guard import ConsoleGuard
from web.security.headers import SAFETY


class GuardedRouter(Router):
    """Routes under a path; made for one application, which registers them without a copy."""

    def __init__(
        self,
        path: str,
        handlers: Sequence[HTTPRouteHandler],
        guard: ConsoleGuard,
        *,
        failures: ExceptionHandlersMap,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            path,
            route_handlers=handlers,
            guards=[guard],
            response_headers={**SAFETY, **(headers or {})},
            exception_handlers=failures,
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # Litestar copies a router with all its handlers, a fifth of the CPU of making the application.
        return self
