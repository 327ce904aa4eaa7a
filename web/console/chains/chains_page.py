"""Chains for people without a shell: the list, the editor with trial and cases beside it, and the history."""

import asyncio
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from pydantic_core import to_json

from chains.catalog.config import ChainConfig
from chains.catalog.templates import FILTERS, TEXT, VARIABLES
from chains.tools import tool_names
from pipeline.errors import ChainInvalid
from pipeline.text.i18n import Catalogue
from web.console.chains.chain_actions import chain_problem, draft_state, unknown_chain, versions_between
from web.console.chains.chain_forms import writing_forms
from web.console.chains.release_forms import ReleaseWish, release_forms
from web.console.pages import page, words_for
from web.operator.chains.checking import check_text
from web.operator.chains.deployment import differences
from web.operator.chains.overview import find_chain, list_chains, list_releases, open_workspace
from web.operator.chains.release_words import name_people
from web.operator.chains.workspace import ChainWorkspace
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

# Read once: files are not for the event loop.
_TOOLS = tool_names()
_LONGEST_QUESTION = 1000


def chains_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes of the chains' pages."""

    @get("/chains", permission=Permission.READ_CHAINS)
    async def list_page(request: _Request) -> Response[str]:
        chains = await list_chains(await open_workspace(service))
        return page("chains.html", request, tab="chains", chains=chains, people=name_people, words=words_for(request))

    @get("/chains/{name:str}", permission=Permission.READ_CHAINS)
    async def edit_page(request: _Request, name: FromPath[str]) -> Response[str]:
        return await chain_page(service, request, name)

    @get("/chains/{name:str}/history", permission=Permission.READ_CHAINS)
    async def history_page(request: _Request, name: FromPath[str]) -> Response[str]:
        return await history_of(service, request, name)

    return [
        list_page,
        edit_page,
        history_page,
        *writing_forms(service, chain_page),
        *release_forms(service, chain_page, history_of),
    ]


async def chain_page(
    service: Service,
    request: _Request,
    name: str,
    *,
    status: int = 200,
    notice: str = "",
    text: str | None = None,
    wish: ReleaseWish | None = None,
) -> Response[str]:
    """Answer with a chain's editor.

    `notice` is what became of what was just done, `text` what was sent with it, saved or not, `wish` the release that
    was refused.
    """
    workspace, words = await open_workspace(service), words_for(request)
    draft = await draft_state(workspace, name)
    shown = draft.text if text is None else text
    checked = await asyncio.to_thread(check_text, workspace, name, shown, words)
    return page(
        "chain.html",
        request,
        status=status,
        tab="chains",
        chain=await find_chain(workspace, name),
        draft=draft,
        text=shown,
        wish=wish or ReleaseWish(),
        refused=wish is not None,
        checked=checked,
        offered=to_json(_offered(workspace, words)).decode(),
        notice=notice,
        # Of an answer that is to be tried again with the draft.
        question=request.query_params.get("question", "")[:_LONGEST_QUESTION],
        people=name_people,
        words=words,
    )


async def history_of(
    service: Service, request: _Request, name: str, *, notice: str = "", failed: bool = False
) -> Response[str]:
    """Answer with a chain's releases, and the difference that the address asks for."""
    workspace, words = await open_workspace(service), words_for(request)
    chain = await find_chain(workspace, name)
    if chain is None:
        raise unknown_chain(workspace, name)
    releases = await list_releases(workspace, name)
    old, new = (request.query_params.get(key, "") for key in ("old", "new"))
    lines: list[str] | None = None
    if old or new:
        try:
            before, after = await versions_between(workspace, name, old, new)
        except ChainInvalid as error:
            raise chain_problem(error) from error
        lines = await asyncio.to_thread(differences, before, after, words)
    return page(
        "chain_history.html",
        request,
        tab="chains",
        chain=chain,
        releases=releases,
        shipped=workspace.shipped(name),
        revisions=list(dict.fromkeys(each.revision for each in releases if each.revision)),
        lines=lines,
        old=old,
        new=new,
        notice=notice,
        failed=failed,
        people=name_people,
        words=words,
    )


def _offered(workspace: ChainWorkspace, words: Catalogue) -> dict[str, Any]:
    """Return what the editor offers while one types."""
    return {
        "keys": {key: words.text(f"console.chains_key_{key}") for key in ChainConfig.model_fields if key != "name"},
        "variables": [*VARIABLES, TEXT],
        "filters": list(FILTERS),
        "models": list(workspace.models.names),
        "tools": [*_TOOLS, *(f"mcp.{name}" for name in workspace.settings.mcp)],
        "chains": list(workspace.chain_files.catalog.names),
        "channels": sorted(workspace.settings.channels),
    }
