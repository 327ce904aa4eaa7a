"""Asks whether everything of a person shall be deleted, and deletes it."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pipeline.errors import TryAgain
from pipeline.events import Person
from web.console.pages import page
from web.operator.erasure import forget_one
from web.security.auditing import name_of
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]


def forgetting_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes of the page that deletes."""

    @get("/people/{channel:str}/{user:str}/forget", permission=Permission.FORGET)
    async def ask(request: _Request, channel: FromPath[str], user: FromPath[str]) -> Response[str]:
        return page("forgetting.html", request, tab="conversations", person=Person(channel, user), erased=None, why="")

    @post("/people/{channel:str}/{user:str}/forget", permission=Permission.FORGET, status_code=200)
    async def forget(request: _Request, channel: FromPath[str], user: FromPath[str]) -> Response[str]:
        person = Person(channel, user)
        form = await request.form()
        if form.get("user") != user:
            shown = {"person": person, "erased": None, "why": "console.conversations_forget_differs"}
            return page("forgetting.html", request, status=400, tab="conversations", **shown)
        try:
            erased = await forget_one(service.database, service.eraser, person, who=name_of(request))
        except TryAgain:
            shown = {"person": person, "erased": None, "why": "console.conversations_forget_busy"}
            return page("forgetting.html", request, status=409, tab="conversations", **shown)
        return page("forgetting.html", request, tab="conversations", person=person, erased=erased, why="")

    return [ask, forget]
