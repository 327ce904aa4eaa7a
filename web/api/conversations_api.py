"""What was said, for programs: listed, filtered and searched, read, and deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from litestar import Request, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from pydantic import Field

from exports.select import ReadConversation, read_conversation
from pipeline.errors import TryAgain
from pipeline.events import Person
from pipeline.text.i18n import Sentence
from storage.conversations.deletion import Erased
from storage.conversations.ratings import Rating
from storage.search.exchange_list import ListedExchange, list_exchanges
from web.api.openapi.described import describe
from web.console.request_models import RequestModel, whole_number
from web.operator.conversations import FILTERS, read_filter
from web.operator.erasure import forget_one
from web.security.auditing import audit, name_of
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_MOST = 200
_LISTED = 50
_LARGEST_ID = 2**63 - 1


class ConversationsQuery(RequestModel):
    """The filters of the page; `since` and `until` are days, both included."""

    words: str = ""
    user: str = ""
    channel: str = ""
    group: str = ""
    chain: str = ""
    revision: str = ""
    model: str = ""
    tool: str = ""
    rated: Rating = ""
    failed: bool = False
    since: date | None = None
    until: date | None = None
    cursor: int | None = Field(default=None, ge=1, le=_LARGEST_ID)
    limit: int = Field(default=_LISTED, ge=1, le=_MOST)


class _ConversationQuery(RequestModel):
    turn: int | None = Field(default=None, ge=1, le=_LARGEST_ID)
    limit: int = Field(default=_LISTED, ge=1, le=_MOST)


@dataclass(frozen=True, slots=True)
class ExchangeListing:
    """Exchanges, the newest first, and the cursor of those that follow."""

    items: Sequence[ListedExchange]
    next: str | None


def conversations_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get(
        "/conversations",
        permission=Permission.READ_CONVERSATIONS,
        **describe(query=ConversationsQuery, answer=ExchangeListing),
    )
    async def conversations(request: _Request) -> ExchangeListing:
        unknown = sorted(set(request.query_params) - {*FILTERS, "cursor", "limit", "lang"})
        if unknown:
            raise HTTPException(
                status_code=400, detail=Sentence("request.unknown_parameter", names=", ".join(unknown)[:200])
            )
        asked = read_filter(request.query_params)
        if asked.wrong:
            raise HTTPException(status_code=400, detail=asked.wrong[0])
        before = _number(request, "cursor", _LARGEST_ID)
        limit = _number(request, "limit", _MOST) or _LISTED
        found = await list_exchanges(service.database, asked.wanted, before=before, limit=limit)
        talks = len({each.conversation for each in found.exchanges})
        if talks:
            said = 2 * len(found.exchanges)
            await audit(service.database, request, "list", asked.given, conversations=talks, messages=said)
        return ExchangeListing(found.exchanges, None if found.cursor is None else str(found.cursor))

    @get(
        "/conversations/{id_:str}",
        permission=Permission.READ_CONVERSATIONS,
        **describe(
            query=_ConversationQuery,
            answer=ReadConversation,
            problems=(404,),
        ),
    )
    async def conversation(request: _Request, id_: FromPath[str]) -> ReadConversation:
        number = whole_number(id_)
        around, limit = _number(request, "turn", _LARGEST_ID), _number(request, "limit", _MOST) or _LISTED
        found = (
            None if number is None else await read_conversation(service.database, number, around=around, limit=limit)
        )
        if found is None:
            raise HTTPException(status_code=404, detail="console.conversations_gone")
        talk = found.transcript.conversation
        details = {"conversation": talk.id, "person": f"{talk.channel}/{talk.user}", "first": found.first}
        said = len(found.transcript.messages)
        await audit(service.database, request, "read", details, conversations=1, messages=said)
        return found

    @post(
        "/people/{channel:str}/{user:str}/forget",
        permission=Permission.FORGET,
        status_code=200,
        **describe(answer=Erased, problems=(409,)),
    )
    async def forget(request: _Request, channel: FromPath[str], user: FromPath[str]) -> Erased:
        try:
            return await forget_one(service.database, service.eraser, Person(channel, user), who=name_of(request))
        except TryAgain:
            raise HTTPException(status_code=409, detail="console.conversations_forget_busy") from None

    return [conversations, conversation, forget]


def _number(request: _Request, name: str, most: int) -> int | None:
    """Return a number of the address, None where it is not given; a 400 says what is wrong with it."""
    given = request.query_params.get(name, "")
    if not given:
        return None
    number = whole_number(given)
    if number is None or not 0 < number <= most:
        raise HTTPException(
            status_code=400, detail=Sentence("request.no_number", name=name, given=given[:40], most=most)
        )
    return number
