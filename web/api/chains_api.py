"""Chains for programs and pages: what there is, drafts that nobody overwrites unseen, and checks."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pipeline.errors import ChainInvalid
from web.api.openapi.described import describe
from web.console.chains.chain_actions import (
    DraftState,
    chain_problem,
    draft_state,
    rename_draft,
    save_draft,
    state_of_draft,
    unknown_chain,
)
from web.console.pages import answer_json, words_for
from web.console.request_models import RequestModel, from_body, seen_mark
from web.operator.chains.checking import ChainProblem, check_deeply, check_text
from web.operator.chains.drafts import Drafts
from web.operator.chains.overview import ChainSummary, chain_in_language, find_chain, list_chains, open_workspace
from web.security.auditing import audit
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

LARGEST_TEXT = 4 * 1024 * 1024
"""Bytes of a request that holds a chain's text, which JSON may make several times as long."""


class DraftText(RequestModel):
    """The text of a chain."""

    text: str


class CheckRequest(DraftText):
    """A text to be checked as the chain of a name."""

    name: str
    deep: bool = False
    """Also ask the models' classes for options and the MCP servers for tools."""


class RenameRequest(RequestModel):
    """What a draft shall be called."""

    to: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What is wrong with a text; `revision` is empty for one that cannot be read."""

    usable: bool
    problems: Sequence[ChainProblem]
    revision: str
    prompt_tokens: int
    cases: int


@dataclass(frozen=True, slots=True)
class ChainListing:
    """Every chain."""

    items: Sequence[ChainSummary]
    next: None = None


@dataclass(frozen=True, slots=True)
class RenamedChain:
    """What a draft is called now."""

    name: str


def chains_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/chains", permission=Permission.READ_CHAINS, **describe(answer=ChainListing))
    async def list_(request: _Request) -> ChainListing:
        words, found = words_for(request), await list_chains(await open_workspace(service))
        return ChainListing([chain_in_language(each, words) for each in found])

    @get(
        "/chains/{name:str}",
        permission=Permission.READ_CHAINS,
        **describe(answer=ChainSummary, problems=(404,)),
    )
    async def show(request: _Request, name: FromPath[str]) -> ChainSummary:
        workspace = await open_workspace(service)
        found = await find_chain(workspace, name)
        if found is None:
            raise unknown_chain(workspace, name)
        return chain_in_language(found, words_for(request))

    @get(
        "/chains/{name:str}/draft",
        permission=Permission.READ_CHAINS,
        **describe(answer=DraftState, problems=(404, 422)),
    )
    async def read_draft(name: FromPath[str]) -> Response[bytes]:
        workspace = await open_workspace(service)
        state = await draft_state(workspace, name)
        return answer_json(state, etag=state.etag)

    @put(
        "/chains/{name:str}/draft",
        permission=Permission.EDIT_CHAINS,
        request_max_body_size=LARGEST_TEXT,
        **describe(
            body=DraftText,
            answer=DraftState,
            problems=(404, 412, 422, 428),
            headers=("If-Match", "If-None-Match"),
        ),
    )
    async def write_draft(request: _Request, name: FromPath[str]) -> Response[bytes]:
        asked = await from_body(DraftText, request)
        seen = seen_mark(request)
        workspace = await open_workspace(service)
        draft = await save_draft(service, request, workspace, name, asked.text, seen=seen)
        state = state_of_draft(workspace, draft)
        return answer_json(state, etag=state.etag)

    @delete(
        "/chains/{name:str}/draft",
        permission=Permission.EDIT_CHAINS,
        **describe(
            problems=(404, 412, 422, 428),
            headers=("If-Match", "If-None-Match"),
        ),
    )
    async def delete_draft(request: _Request, name: FromPath[str]) -> None:
        seen = seen_mark(request)
        workspace = await open_workspace(service)
        try:
            await asyncio.to_thread(Drafts(workspace.folder).delete, name, seen=seen)
        except ChainInvalid as error:
            raise chain_problem(error) from error
        await audit(service.database, request, "chain_draft", {"chain": name, "deleted": True})

    @post(
        "/chains/check",
        permission=Permission.READ_CHAINS,
        status_code=200,
        request_max_body_size=LARGEST_TEXT,
        **describe(body=CheckRequest, answer=CheckResult),
    )
    async def check(request: _Request) -> CheckResult:
        asked = await from_body(CheckRequest, request)
        workspace, words = await open_workspace(service), words_for(request)
        found = await asyncio.to_thread(check_text, workspace, asked.name, asked.text, words)
        problems, chain = found.problems, found.chain
        if asked.deep and chain is not None and found.usable:
            problems += await check_deeply(workspace, asked.name, asked.text, chain, words)
        return CheckResult(
            usable=all(each.severity != "error" for each in problems),
            problems=problems,
            revision=chain.revision if chain else "",
            prompt_tokens=chain.prompt_tokens if chain else 0,
            cases=len(chain.cases) if chain else 0,
        )

    @post(
        "/chains/{name:str}/rename",
        permission=Permission.EDIT_CHAINS,
        status_code=200,
        **describe(body=RenameRequest, answer=RenamedChain, problems=(404, 412, 422)),
    )
    async def rename(request: _Request, name: FromPath[str]) -> RenamedChain:
        asked = await from_body(RenameRequest, request)
        await rename_draft(service, request, name, asked.to)
        return RenamedChain(asked.to)

    return [list_, show, read_draft, write_draft, delete_draft, check, rename]
