"""Whether the service is up, ready, and what it has counted."""

from collections.abc import Awaitable, Callable, Mapping

from litestar import MediaType, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipeline.metrics import REGISTRY
from web.console.pages import refused
from web.http.parts import Check
from web.security.guard import ConsoleGuard
from web.security.roles import Permission

Note = Callable[[], str]
"""Gives what somebody should look at though people are answered, in a few words, or nothing."""


Connection = Callable[[str], str]
"""Gives how the connection of a bot stands, by its id: `ok`, `unknown`, or what is wrong."""


def health_routes(
    checks: Mapping[str, Check], notes: Mapping[str, Note], connection: Connection
) -> list[HTTPRouteHandler]:
    """Make `/test`, `/healthz` and `/readyz`."""

    @get("/test", media_type=MediaType.TEXT, sync_to_thread=False)
    def test() -> str:
        return "pong"

    @get("/healthz", media_type=MediaType.TEXT, sync_to_thread=False)
    def healthz() -> str:
        return "ok"

    @get("/readyz")
    async def readyz(bot: FromQuery[str] = "") -> Response[dict[str, str]]:
        found = {name: await check() for name, check in checks.items()}
        ready = not any(found.values())
        states = found | {name: note() for name, note in notes.items()}
        shown = {name: wrong or "ok" for name, wrong in states.items()}
        # The ids of bots are told to nobody who does not know them.
        asked = {"bot": connection(bot)} if bot else {}
        return Response(shown | asked, status_code=200 if ready else 503)

    return [test, healthz, readyz]


def metrics_route(refresh: Callable[[], Awaitable[None]], *guards: ConsoleGuard) -> HTTPRouteHandler:
    """Make `/metrics`; `refresh` measures what is not counted as it happens."""

    @get("/metrics", guards=guards, permission=Permission.READ_USAGE, exception_handlers={HTTPException: refused})
    async def metrics() -> Response[bytes]:
        await refresh()
        # The response says its charset itself.
        media_type = CONTENT_TYPE_LATEST.partition("; charset")[0]
        return Response(generate_latest(REGISTRY), media_type=media_type)

    return metrics
