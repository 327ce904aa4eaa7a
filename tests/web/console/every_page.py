"""Every page of the console, from its routes: what is held to all pages is held to the ones that come later, too."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from litestar.routes import HTTPRoute

from tests.service import RunningService
from web.api.routes import api_routes
from web.console.routes import console_routes
from web.security.guard import ConsoleGuard

GIVEN: Mapping[str, str] = {
    "/console/chains/{name:str}": "/console/chains/default",
    "/console/chains/{name:str}/history": "/console/chains/default/history?old=shipped",
    "/console/chains/{name:str}/replay": "/console/chains/default/replay",
    "/console/chains/{name:str}/replay/{id_:str}": "/console/chains/default/replay/{replay}",
    "/console/conversations/{id_:str}": "/console/conversations/1",
    "/console/conversations/{id_:str}/case/{turn:str}": "/console/conversations/1/case/1",
    "/console/conversations/{id_:str}/trace/{turn:str}": "/console/conversations/1/trace/1",
    "/console/models/{name:str}/edit": "/console/models/default/edit",
    "/console/people/{channel:str}/{user:str}/forget": "/console/people/wecom/zhangsan/forget",
    "/console/turns/{turn_id:str}": "/console/turns/2",
}
"""The addresses of pages about something: `tests.web.console` fills a service with what they are about."""

_PARTS = {"/console/faults", "/console/inspect", "/console/turns/list"}
"""Pieces that scripts put into a page."""
_FILES = re.compile(r"/console/(api/.*|stream|static/.*|(.*/)?media/.*|.*/csv|usage/quality)")


async def replay_once(running: RunningService) -> str:
    """Replay what was asked of the default chain, and return the replay's name once it has ended."""
    api = "/api/v1/chains/default"
    begun = await running.console.post(f"{api}/replay", json={"last": 5}, headers={"Accept": "application/json"})
    assert begun.status_code == HTTPStatus.ACCEPTED, begun.text
    name = str(begun.json()["id"])
    events = await running.console.get(f"{api}/jobs/{name}/events")
    assert '"state":"done"' in events.text, events.text
    return name


def page_addresses(running: RunningService, *, replay: str) -> list[str]:
    """Return an address of every page, in order; `KeyError` for one about something that nothing is given for."""
    service = running.service
    guard = ConsoleGuard(lambda: service.settings, service.access, service.accounts)
    routers = (*api_routes(service, guard), *console_routes(service, guard))
    paths = {
        route.path
        for router in routers
        for route in router.routes
        if isinstance(route, HTTPRoute) and "GET" in {str(each) for each in route.methods}
    }
    return sorted(each.format(replay=replay) for each in _addresses(paths))


def _addresses(paths: Iterable[str]) -> Iterable[str]:
    for path in paths:
        if path == "/api/v1/docs" or (
            path.startswith("/console") and path not in _PARTS and not _FILES.fullmatch(path)
        ):
            yield GIVEN[path] if "{" in path else path
