"""Whether the service answers people: what the status page shows, for programs."""

from litestar import get
from litestar.handlers import HTTPRouteHandler

from web.api.openapi.described import describe
from web.console.status.status_page import State, state_of
from web.security.roles import Permission
from web.wiring import Service


def status_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the route."""

    @get("/status", permission=Permission.READ_TURNS, **describe(answer=State))
    async def status() -> State:
        return await state_of(service)

    return [status]
