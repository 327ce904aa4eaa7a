"""The forms of the chains' pages, which work without a script: new, save, copy, rename, delete, release, roll back."""

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
    finish_trial,
    release_again,
    release_draft,
    release_sentence,
    remove_chain,
    rename_draft,
)
from web.console.pages import words_for
from web.console.request_models import whole_number
from web.operator.chains.drafts import DraftChanged, Drafts
from web.operator.chains.overview import open_workspace
from web.security.auditing import audit
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]
_Page = Callable[..., Awaitable[Response[str]]]

_LARGEST_FORM = 4 * 1024 * 1024


def writing_forms(service: Service, chain_page: _Page) -> list[HTTPRouteHandler]:
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
        return _to(request, name)

    @post("/chains/{name:str}", permission=Permission.EDIT_CHAINS, status_code=200, request_max_body_size=_LARGEST_FORM)
    async def save(request: _Request, name: FromPath[str]) -> Response[Any]:
        form = await request.form()
        text, seen = str(form.get("text", "")), str(form.get("etag", ""))
        workspace = await open_workspace(service)
        try:
            await asyncio.to_thread(Drafts(workspace.folder).write, name, text, seen=seen)
        except DraftChanged as error:
            notice = in_language(error.problems[0], words_for(request))
            return await chain_page(service, request, name, status=412, notice=notice, text=text)
        except ChainInvalid as error:
            raise chain_problem(error) from error
        await audit(service.database, request, "chain_draft", {"chain": name})
        return _to(request, name)

    @post("/chains/{name:str}/rename", permission=Permission.EDIT_CHAINS, status_code=303)
    async def rename(request: _Request, name: FromPath[str]) -> Redirect:
        other = str((await request.form()).get("name", "")).strip()
        await rename_draft(service, request, name, other)
        return _to(request, other)

    @post("/chains/{name:str}/discard", permission=Permission.EDIT_CHAINS, status_code=303)
    async def discard(request: _Request, name: FromPath[str]) -> Redirect:
        seen = str((await request.form()).get("etag", ""))
        workspace = await open_workspace(service)
        try:
            await asyncio.to_thread(Drafts(workspace.folder).delete, name, seen=seen)
        except ChainInvalid as error:
            raise chain_problem(error) from error
        await audit(service.database, request, "chain_draft", {"chain": name, "deleted": True})
        return _to(request, name if name in workspace.chain_files.catalog.chains else "")

    return [make, save, rename, discard]


def release_forms(service: Service, history_page: _Page) -> list[HTTPRouteHandler]:
    """Make the routes of the forms that change who is answered by what."""

    @post("/chains/{name:str}/delete", permission=Permission.RELEASE_CHAINS, status_code=303)
    async def delete(request: _Request, name: FromPath[str]) -> Redirect:
        await remove_chain(service, request, name)
        return _to(request, "")

    @post("/chains/{name:str}/release", permission=Permission.RELEASE_CHAINS, status_code=200)
    async def release(request: _Request, name: FromPath[str]) -> Response[str]:
        form = await request.form()
        whom = str(form.get("whom", ""))
        users = tuple(str(form.get("users", "")).replace("，", ",").replace(",", " ").split()) if whom != "all" else ()
        share = {"all": 100, "people": None}.get(whom, whole_number(str(form.get("share", ""))))
        if whom not in {"all", "share", "people"} or (share is not None and share not in range(101)):
            raise HTTPException(status_code=422, detail="console.bad_form")
        if whom == "people" and not users:
            raise HTTPException(status_code=422, detail=Sentence("chains.user_empty"))
        done = await release_draft(
            service,
            request,
            name,
            share=share,
            users=users,
            note=str(form.get("note", ""))[:500],
            seen=str(form.get("etag", "")),
        )
        notice = release_sentence(done, words_for(request))
        return await history_page(service, request, name, notice=notice, failed=not done.published.took_effect)

    @post("/chains/{name:str}/rollback", permission=Permission.RELEASE_CHAINS, status_code=200)
    async def rollback(request: _Request, name: FromPath[str]) -> Response[str]:
        revision = str((await request.form()).get("revision", ""))
        done = await release_again(service, request, name, revision, note="")
        notice = release_sentence(done, words_for(request))
        return await history_page(service, request, name, notice=notice, failed=not done.published.took_effect)

    @post("/chains/{name:str}/end", permission=Permission.RELEASE_CHAINS, status_code=200)
    async def end(request: _Request, name: FromPath[str]) -> Response[str]:
        done = await finish_trial(service, request, name)
        notice = release_sentence(done, words_for(request))
        return await history_page(service, request, name, notice=notice, failed=not done.published.took_effect)

    return [delete, release, rollback, end]


def _to(request: _Request, name: str) -> Redirect:
    lang = request.query_params.get("lang", "")
    address = f"/console/chains/{quote(name)}" if name else "/console/chains"
    return Redirect(f"{address}?lang={lang}" if lang in {"zh", "en"} else address, status_code=303)
