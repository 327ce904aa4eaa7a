"""Shows the settings that hold, each with the layer it comes from; secrets are masked."""

from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from web.console.pages import page
from web.operator.reports.settings_lines import settings_tables
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]


def settings_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the route."""

    @get("/settings", permission=Permission.READ_SETTINGS)
    async def show(request: _Request) -> Response[str]:
        return page("settings.html", request, tab="settings", tables=settings_tables(service.loaded), edit=service.edit)

    return [show]
