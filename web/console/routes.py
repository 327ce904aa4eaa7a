"""The console's routes, behind one guard and with one set of headers."""

from litestar import Router
from litestar.exceptions import HTTPException

from web.console.api import api_routes
from web.console.assets import asset_routes
from web.console.chat import chat_routes
from web.console.faults import fault_routes
from web.console.pages import SAFETY, broke, refused
from web.console.session import ConsoleSessions
from web.console.simulate_api import drill_routes
from web.console.status import status_routes
from web.security.guard import ConsoleGuard
from web.wiring import Service


def console_routes(service: Service, guard: ConsoleGuard) -> list[Router]:
    """Make the console's routes."""
    rooms = ConsoleSessions(service)
    return [
        Router(
            "/console",
            route_handlers=[
                *chat_routes(service, rooms),
                *fault_routes(rooms),
                *status_routes(service),
                *api_routes(service, rooms),
                *drill_routes(service, rooms),
                *asset_routes(),
            ],
            guards=[guard],
            response_headers=dict(SAFETY),
            exception_handlers={HTTPException: refused, Exception: broke},
        )
    ]
