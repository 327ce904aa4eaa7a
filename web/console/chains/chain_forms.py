"""The forms that write drafts on the chains' pages, which work without a script: new, save, copy, rename, discard."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from pipeline.errors import ChainInvalid
from pipeline.text.i18n import Sentence, in_language
from web.console.chains.chain_actions import (
    chain_problem,
    draft_state,
    rename_draft,
    save_draft,
)
from web.console.pages import words_for
from web.operator.chains.drafts import Drafts
from web.operator.chains.overview import open_workspace
from web.security.auditing import audit
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]
PageMaker = Callable[..., Awaitable[Response[str]]]

LARGEST_FORM = 4 * 1024 * 1024
"""Bytes of a form that holds a chain's text."""


def writing_forms(service: Service, chain_page: PageMaker) -> list[HTTPRouteHandler]:
    """Make the routes of the forms that write drafts."""

    @post("/chains", permission=Permission.EDIT_CHAINS, status_code=303)
    async def make(request: _Request) -> Redirect:
        """Begin a chain: an example, or a copy of the chain that the form names."""
        form = await request.form()
        name, model = (str(form.get(key, "")).strip() for key in ("name", "from"))
        workspace = await open_workspace(service)
        try:
            if name in workspace.names:
                raise ChainInvalid(Sentence("chains.chain_taken", name=name))  # noqa: TRY301
            text = words_for(request).text("console.chains_example")
            if model:
                text = (await draft_state(workspace, model)).text
            await asyncio.to_thread(Drafts(workspace.folder).write, name, text, seen="")
        except ChainInvalid as error:
            raise chain_problem(error) from error
        await audit(service.database, request, "chain_draft", {"chain": name})
        return to_chain(request, name)

    @post("/chains/{name:str}", permission=Permission.EDIT_CHAINS, status_code=200, request_max_body_size=LARGEST_FORM)
    async def save(request: _Request, name: FromPath[str]) -> Response[Any]:
        form = await request.form()
        text, seen = str(form.get("text", "")), str(form.get("etag", ""))
        try:
            await save_draft(service, request, await open_workspace(service), name, text, seen=seen)
        except HTTPException as error:
            notice = in_language(error.detail, words_for(request))
            return await chain_page(service, request, name, status=error.status_code, notice=notice, text=text)
        return to_chain(request, name)

    @post("/chains/{name:str}/rename", permission=Permission.EDIT_CHAINS, status_code=303)
    async def rename(request: _Request, name: FromPath[str]) -> Redirect:
        other = str((await request.form()).get("name", "")).strip()
        await rename_draft(service, request, name, other)
        return to_chain(request, other)

    @post("/chains/{name:str}/discard", permission=Permission.EDIT_CHAINS, status_code=303)
    async def discard(request: _Request, name: FromPath[str]) -> Redirect:
        seen = str((await request.form()).get("etag", ""))
        workspace = await open_workspace(service)
        try:
            await asyncio.to_thread(Drafts(workspace.folder).delete, name, seen=seen)
        except ChainInvalid as error:
            raise chain_problem(error) from error
        await audit(service.database, request, "chain_draft", {"chain": name, "deleted": True})
        return to_chain(request, name if name in workspace.chain_files.catalog.chains else "")

    return [make, save, rename, discard]


def to_chain(request: _Request, name: str) -> Redirect:
    """Send on to a chain's page, or to the list where there is no name."""
    lang = request.query_params.get("lang", "")
    address = f"/console/chains/{quote(name)}" if name else "/console/chains"
    return Redirect(f"{address}?lang={lang}" if lang in {"zh", "en"} else address, status_code=303)
