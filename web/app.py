"""The HTTP application: the channels' callbacks, the health routes, and the console."""

from litestar import Litestar, get
from litestar.response import Redirect

from storage.views import ping
from web.callbacks import callback_route
from web.console.routes import console_routes
from web.health import health_routes
from web.operations import operation_routes
from web.wiring import Service


def make_app(service: Service) -> Litestar:
    """Put the routes over a service."""

    async def database() -> str:
        return await ping(service.database)

    async def worker() -> str:
        return service.worker.trouble

    def settings() -> str:
        # No more than that: anybody may read it who reaches the port.
        if service.edit.refused:
            return "an edit cannot be used; the log has why"
        return "an edit waits for a restart; the log has the keys" if service.edit.waiting else ""

    @get("/", sync_to_thread=False)
    def home() -> Redirect:
        return Redirect("/console")

    callbacks = [callback_route(opened.channel, opened.path, service.intake) for opened in service.channels.values()]
    return Litestar(
        [
            home,
            *callbacks,
            *health_routes({"database": database, "worker": worker}, {"settings": settings}),
            *console_routes(service),
            *operation_routes(service),
        ],
        # Its pages load scripts from elsewhere, and there is no API for strangers to describe.
        openapi_config=None,
        logging_config=None,
    )
