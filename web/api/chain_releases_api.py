"""Releases of chains for programs and pages: to all, to some, back again; their history, differences and ratings."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from pydantic import Field

from pipeline.errors import ChainInvalid
from pipeline.text.i18n import Catalogue
from storage.conversations.ratings import RatedAnswer, Rating
from web.api.openapi.described import describe
from web.console.chains.chain_actions import (
    chain_problem,
    finish_trial,
    release_again,
    release_draft,
    release_sentence,
    remove_chain,
    unknown_chain,
    versions_between,
)
from web.console.pages import words_for
from web.console.request_models import RequestModel, from_body, from_query
from web.operator.chains.deployment import differences
from web.operator.chains.overview import ReleaseSummary, list_releases, open_workspace, release_in_language
from web.operator.chains.release_words import doubt_lines
from web.operator.chains.releasing import FinishedRelease
from web.operator.chains.workspace import ChainWorkspace
from web.security.auditing import audit
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_LONGEST_NOTE = 500


class _Note(RequestModel):
    note: str = Field(default="", max_length=_LONGEST_NOTE)


class PublishRequest(_Note):
    """To whom a draft is released, and why."""

    share: int | None = Field(default=None, ge=0, le=100)
    """Of a hundred people; left out, those named, or everybody where none is."""
    users: tuple[str, ...] = ()
    etag: str | None = None
    """The draft that is meant; left out, the one there is."""


class RollbackRequest(_Note):
    """Which revision shall answer again, and why."""

    revision: Annotated[str, Field(min_length=1)]
    """By how its name begins; "shipped" for the one that came with webot."""


class _Between(RequestModel):
    old: str = ""
    """A revision; left out, what is live."""
    new: str = ""
    """A revision; left out, what is live where `old` is given, else the draft."""


class _Rated(RequestModel):
    rated: Rating = ""
    last: int = Field(default=20, ge=1, le=1000)


@dataclass(frozen=True, slots=True)
class ReleaseResult:
    """What became of a release; `live` of `machines` answer with it, `taken_back` because one could not."""

    chain: str
    revision: str
    share: int
    users: tuple[str, ...]
    took_effect: bool
    taken_back: bool
    machines: int
    live: int
    sentence: str
    doubts: Sequence[str]


@dataclass(frozen=True, slots=True)
class ReleaseListing:
    """The releases of a chain, the latest first."""

    items: Sequence[ReleaseSummary]
    next: None = None


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """What differs between two revisions, as lines of a unified diff."""

    old: str
    new: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class RevisionRating:
    """How many answers of a revision people called good and bad."""

    revision: str
    good: int
    bad: int


@dataclass(frozen=True, slots=True)
class ChainRatings:
    """What people think of the revisions of a chain, and the latest answers that were judged."""

    revisions: Sequence[RevisionRating]
    items: Sequence[RatedAnswer]
    next: None = None


def chain_releases_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @post(
        "/chains/{name:str}/publish",
        permission=Permission.RELEASE_CHAINS,
        status_code=200,
        **describe(
            body=PublishRequest,
            answer=ReleaseResult,
            problems=(404, 412, 422),
        ),
    )
    async def publish(request: _Request, name: FromPath[str]) -> ReleaseResult:
        asked = await from_body(PublishRequest, request)
        done = await release_draft(
            service, request, name, share=asked.share, users=asked.users, note=asked.note, seen=asked.etag
        )
        return release_result(done, words_for(request))

    @post(
        "/chains/{name:str}/rollback",
        permission=Permission.RELEASE_CHAINS,
        status_code=200,
        **describe(
            body=RollbackRequest,
            answer=ReleaseResult,
            problems=(404, 412, 422),
        ),
    )
    async def rollback(request: _Request, name: FromPath[str]) -> ReleaseResult:
        asked = await from_body(RollbackRequest, request)
        done = await release_again(service, request, name, asked.revision, note=asked.note)
        return release_result(done, words_for(request))

    @delete(
        "/chains/{name:str}/trial",
        permission=Permission.RELEASE_CHAINS,
        status_code=200,
        **describe(answer=ReleaseResult, problems=(404, 412, 422)),
    )
    async def end_trial(request: _Request, name: FromPath[str]) -> ReleaseResult:
        return release_result(await finish_trial(service, request, name), words_for(request))

    @delete(
        "/chains/{name:str}",
        permission=Permission.RELEASE_CHAINS,
        status_code=200,
        **describe(answer=ReleaseResult, problems=(404, 412, 422)),
    )
    async def take_away(request: _Request, name: FromPath[str]) -> ReleaseResult:
        return release_result(await remove_chain(service, request, name), words_for(request))

    @get(
        "/chains/{name:str}/history",
        permission=Permission.READ_CHAINS,
        **describe(answer=ReleaseListing, problems=(404,)),
    )
    async def history(request: _Request, name: FromPath[str]) -> ReleaseListing:
        workspace, words = await _known(service, name), words_for(request)
        return ReleaseListing([release_in_language(each, words) for each in await list_releases(workspace, name)])

    @get(
        "/chains/{name:str}/diff",
        permission=Permission.READ_CHAINS,
        **describe(query=_Between, answer=VersionDiff, problems=(404, 422)),
    )
    async def diff(request: _Request, name: FromPath[str]) -> VersionDiff:
        asked = from_query(_Between, request)
        workspace = await _known(service, name)
        try:
            before, after = await versions_between(workspace, name, asked.old, asked.new)
        except ChainInvalid as error:
            raise chain_problem(error) from error
        lines = await asyncio.to_thread(differences, before, after, words_for(request))
        return VersionDiff(before.chain.revision, after.chain.revision, lines)

    @get(
        "/chains/{name:str}/ratings",
        permission=Permission.READ_CHAINS,
        **describe(
            query=_Rated,
            answer=ChainRatings,
            problems=(404,),
        ),
    )
    async def ratings(request: _Request, name: FromPath[str]) -> ChainRatings:
        asked = from_query(_Rated, request)
        workspace = await _known(service, name)
        counts = await workspace.ratings()
        answers = await workspace.judged(name, last=asked.last, rated=asked.rated) if workspace.has(name) else []
        if answers:
            details = {"chain": name, "rated": asked.rated}
            await audit(service.database, request, "list", details, messages=2 * len(answers))
        rated = [
            RevisionRating(revision, count.good, count.bad)
            for (chain, revision), count in sorted(counts.items())
            if chain == name
        ]
        return ChainRatings(rated, answers)

    return [publish, rollback, end_trial, take_away, history, diff, ratings]


def release_result(done: FinishedRelease, words: Catalogue) -> ReleaseResult:
    """Return what became of a release, for programs."""
    published = done.published
    return ReleaseResult(
        chain=done.name,
        revision=done.revision,
        share=done.share,
        users=done.users,
        took_effect=published.took_effect,
        taken_back=published.undone,
        machines=published.machines,
        live=len(published.live),
        sentence=release_sentence(done, words),
        doubts=doubt_lines(published, words),
    )


async def _known(service: Service, name: str) -> ChainWorkspace:
    workspace = await open_workspace(service)
    if name not in workspace.names:
        raise unknown_chain(workspace, name)
    return workspace
