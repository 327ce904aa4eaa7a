"""Shows each app's menu as WeCom has it beside the one of the settings, and pushes that one, as `webot menu` does."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from pipeline.errors import WebotError
from pipeline.text.i18n import Catalogue, error_text
from web.console.pages import page, path_of, words_for
from web.operator import menus
from web.security.auditing import audit
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class AppMenu:
    """The menu of one channel's app, one line a button; `wrong` says why it could not be read."""

    channel: str
    lines: Sequence[str]
    is_same: bool
    wrong: str = ""


def menu_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/menu", permission=Permission.EDIT_MENU)
    async def show(request: _Request) -> Response[str]:
        return await _page(request, "")

    @post("/menu/push", permission=Permission.EDIT_MENU, status_code=303)
    async def push(request: _Request) -> Redirect | Response[str]:
        channel = str((await request.form()).get("channel", ""))
        loaded = service.loaded
        try:
            await asyncio.to_thread(menus.check, loaded)
            (name,) = menus.named(loaded, channel)
            await menus.push(loaded, name)
        except WebotError as error:
            return await _page(request, error_text(error, words_for(request)), status=422)
        await audit(service.database, request, "menu_push", {"channel": name})
        return Redirect(path_of(request)("/menu", pushed=name), status_code=303)

    async def _page(request: _Request, wrong: str, *, status: int = 200) -> Response[str]:
        loaded = service.loaded
        wanted = tuple(menus.outline(menus.planned(loaded)))
        hints: Sequence[str] = ()
        try:
            hints = await asyncio.to_thread(menus.check, loaded)
            names = menus.named(loaded, None)
        except menus.NoSuchApp:
            names = ()
        except WebotError as error:
            wrong, names = wrong or error_text(error, words_for(request)), ()
        return page(
            "menu.html",
            request,
            status=status,
            tab="menu",
            wanted=wanted,
            hints=hints,
            wrong=wrong,
            pushed=request.query_params.get("pushed", "")[:60],
            apps=await asyncio.gather(*(_app(name, wanted, words_for(request)) for name in names)),
        )

    async def _app(name: str, wanted: Sequence[str], words: Catalogue) -> AppMenu:
        try:
            lines = tuple(menus.outline(await menus.read_menu(service.loaded, name)))
        except WebotError as error:
            return AppMenu(name, (), is_same=False, wrong=error_text(error, words))
        return AppMenu(name, lines, is_same=lines == tuple(wanted))

    return [show, push]
