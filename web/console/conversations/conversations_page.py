"""The list of everything said: newest first, filtered and searched, page by page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from pipeline.exports import FORMATS
from storage.search.exchange_list import ListedExchange, list_exchanges
from storage.search.snippet import SnippetPiece, snippet
from storage.terms.index_builder import count_unindexed
from web.console.pages import page
from web.console.request_models import whole_number
from web.operator.conversations import read_filter
from web.security.auditing import audit
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_PAGE = 50
_QUESTION, _ANSWER = 160, 240


@dataclass(frozen=True, slots=True)
class ShownExchange:
    """A listed exchange with what is shown of its texts."""

    said: ListedExchange
    question: tuple[SnippetPiece, ...]
    answer: tuple[SnippetPiece, ...]


@dataclass(frozen=True, slots=True)
class ShownConversation:
    """Neighbouring exchanges of one conversation, under one head."""

    head: ListedExchange
    exchanges: tuple[ShownExchange, ...]


def conversations_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the route of the list."""

    @get("/conversations", permission=Permission.READ_CONVERSATIONS)
    async def conversations(request: _Request) -> Response[str]:
        asked = read_filter(request.query_params)
        before = whole_number(request.query_params.get("before", ""))
        found: Sequence[ListedExchange] = ()
        cursor = None
        if not asked.wrong:
            listed = await list_exchanges(service.database, asked.wanted, before=before, limit=_PAGE)
            found, cursor = listed.exchanges, listed.cursor
            talks = len({each.conversation for each in found})
            if found:
                await audit(
                    service.database, request, "list", asked.given, conversations=talks, messages=2 * len(found)
                )
        return page(
            "conversations.html",
            request,
            status=400 if asked.wrong else 200,
            tab="conversations",
            given=dict(asked.given),
            wrong=asked.wrong,
            conversations=tuple(_grouped(found, asked.wanted.phrases)),
            next=str(cursor) if cursor is not None else "",
            lang=request.query_params.get("lang", ""),
            first=before is None,
            unindexed=await count_unindexed(service.database),
            formats=FORMATS,
            channels=tuple(service.channels),
            chains=service.catalog.names,
            models=tuple(service.settings.models),
        )

    return [conversations]


def _grouped(found: Sequence[ListedExchange], phrases: tuple[str, ...]) -> Iterator[ShownConversation]:
    for _, several in groupby(found, lambda each: each.conversation):
        shown = tuple(
            ShownExchange(
                each,
                snippet(each.question, phrases, most=_QUESTION),
                snippet(each.answer, phrases, most=_ANSWER),
            )
            for each in several
        )
        yield ShownConversation(shown[0].said, shown)
