"""The HTTP applications: the channels' callbacks with the health routes, and the console with its neighbours."""

from collections.abc import Callable, Sequence

from litestar import Litestar, get
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.exceptions.responses import create_exception_response
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect
from litestar.types import ASGIApp, ControllerRouterHandler

from pipeline.text.i18n import Sentence, listed_sentences
from web.api.routes import api_routes
from web.callbacks import callback_route
from web.console.pages import broke
from web.console.routes import console_routes
from web.http.head import answering_head
from web.http.health import health_routes, metrics_route
from web.http.measurements import Measurements
from web.http.parts import part_checks
from web.operations import operation_routes
from web.security.guard import ConsoleGuard
from web.security.guarded_router import GuardedRouter
from web.wiring import Service

Part = Callable[[Service, ConsoleGuard], Sequence[GuardedRouter]]
PARTS: Sequence[Part] = (console_routes, api_routes)
"""What is for the operator alone: nearly all of the CPU of making an application."""


def make_apps(service: Service, *, apart: bool) -> list[ASGIApp]:
    """Return the application of `[server]`'s port and, where the console's address is `apart`, the console's."""
    return [server_app(service), console_app(service)] if apart else [whole_app(service, guard_of(service), PARTS)]


def whole_app(service: Service, guard: ConsoleGuard, parts: Sequence[Part]) -> ASGIApp:
    """Return the application of a port that WeCom and the operator share, with these parts behind the guard."""
    guards = () if service.settings.server.metrics else (guard,)
    inner = _inner_routes(service, guard, parts)
    return _app(service, [*_outer_routes(service), *inner, _metrics(service, *guards)])


def server_app(service: Service) -> ASGIApp:
    """Return the application of `[server]`'s port where the console has an address of its own."""
    open_to_all = [_metrics(service)] if service.settings.server.metrics else []
    return _app(service, [*_outer_routes(service), *open_to_all])


def console_app(service: Service) -> ASGIApp:
    """Return the application of the console's own address."""
    guard = guard_of(service)
    return _app(service, [*_inner_routes(service, guard, PARTS), _metrics(service, guard)])


def guard_of(service: Service) -> ConsoleGuard:
    """Return what lets the operator in; one for all routes of a service, because it counts guesses."""
    return ConsoleGuard(lambda: service.settings, service.access, service.accounts)


def _metrics(service: Service, *guards: ConsoleGuard) -> HTTPRouteHandler:
    return metrics_route(Measurements(service).refresh, *guards)


def _outer_routes(service: Service) -> list[ControllerRouterHandler]:
    """Make what WeCom and whoever watches over the service may reach."""

    def settings() -> str:
        # No more than that: anybody may read it who reaches the port.
        if service.edit.refused:
            return Sentence("reason.edit_refused")
        return Sentence("reason.edit_waiting") if service.edit.waiting else ""

    def bots() -> str:
        return listed_sentences({name: one.trouble() for name, one in service.channels.items()})

    def connection(bot_id: str) -> str:
        return next((one.trouble() or "ok" for one in service.channels.values() if one.bot_id == bot_id), "unknown")

    def schema() -> str:
        return Sentence("reason.schema_newer") if service.schema.newer else ""

    listens = any(one.start for one in service.channels.values())
    return [
        *(callback_route(one, service.intake) for one in service.channels.values() if one.path),
        *health_routes(
            part_checks(service),
            {"settings": settings, "schema": schema, **({"channels": bots} if listens else {})},
            connection,
        ),
    ]


def _inner_routes(service: Service, guard: ConsoleGuard, parts: Sequence[Part]) -> list[ControllerRouterHandler]:
    """Make what is for the operator alone."""

    @get("/", sync_to_thread=False)
    def home() -> Redirect:
        return Redirect("/console")

    return [home, *(router for part in parts for router in part(service, guard)), *operation_routes(service, guard)]


def _app(service: Service, routes: Sequence[ControllerRouterHandler]) -> ASGIApp:
    app = Litestar(
        routes,
        # Its pages load scripts from elsewhere; the API describes itself (`web.api.openapi`).
        openapi_config=None,
        logging_config=None,
        state=State({"simulated": service.simulator is not None}),
        # The framework itself answers 500 without a word in the log.
        exception_handlers={HTTPException: create_exception_response, Exception: broke},
    )
    return answering_head(app, but=frozenset(opened.path for opened in service.channels.values() if opened.path))
