"""The console's routes."""

from litestar.handlers import HTTPRouteHandler

from web.wiring import Service


def console_routes(service: Service) -> list[HTTPRouteHandler]:
    """Make the console's routes."""
    _ = service
    return []
