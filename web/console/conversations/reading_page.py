"""One conversation, read exchange by exchange with how each answer came to be, and its pictures."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from markupsafe import Markup

from chains.models.prices import currency_name
from exports.records import ConversationInfo, Message
from exports.select import read_conversation
from pipeline.errors import Undeliverable
from pipeline.events import GROUP
from pipeline.text.i18n import Catalogue
from storage.terms.exchange_terms import failed
from web.console.pages import FRESH, page, words_for
from web.console.request_models import whole_number
from web.operator.reports.chat_html import chat_html
from web.security.auditing import audit
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_EXCHANGES = 40
_LONGEST = 20_000
"""Characters of a message that a page shows; the rest is in the API and in exports."""
_LARGEST_ID = 2**63 - 1
_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class ReadExchange:
    """A question with its answer; either may be missing where a row is gone."""

    turn: int
    question: Message | None
    answer: Message | None
    html: Markup
    """The answer as the chat shows it."""

    @property
    def failed(self) -> bool:
        """Whether something went wrong on the way to the answer."""
        return self.answer is not None and failed(self.answer.cut, self.answer.tools)


def reading_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes of the reading view."""

    @get("/conversations/{id_:str}", permission=Permission.READ_CONVERSATIONS)
    async def conversation(request: _Request, id_: FromPath[str]) -> Response[str]:
        around = whole_number(request.query_params.get("turn", ""))
        found = await read_conversation(service.database, _number(id_), around=around, limit=_EXCHANGES)
        if found is None:
            raise HTTPException(status_code=404, detail="console.conversations_gone")
        talk = found.transcript.conversation
        await audit(
            service.database,
            request,
            "read",
            {"conversation": talk.id, "person": f"{talk.channel}/{talk.user}", "first": found.first},
            conversations=1,
            messages=len(found.transcript.messages),
        )
        catalogue = Catalogue(service.settings.chat.language)
        currency = currency_name(service.settings.budgets.currency, words_for(request))
        return page(
            "reading.html",
            request,
            tab="conversations",
            talk=talk,
            group=_group(talk),
            # Forty long answers take a second to render.
            exchanges=await asyncio.to_thread(_exchanges, found.transcript.messages, catalogue),
            found=found,
            longest=_LONGEST,
            earlier=str(max(1, found.first - _EXCHANGES // 2)) if found.first > 1 else "",
            later=str(found.last + _EXCHANGES // 2) if found.last < found.turns else "",
            time=_time,
            money=lambda cost: f"{cost / _MILLION:.4f} {currency}",
            pictures=_SHOWN,
            chains=service.catalog.names,
        )

    @get("/conversations/{id_:str}/media/{turn:str}/{sha256:str}", permission=Permission.READ_CONVERSATIONS)
    async def media(
        request: _Request, id_: FromPath[str], turn: FromPath[str], sha256: FromPath[str]
    ) -> Response[bytes]:
        found = await read_conversation(service.database, _number(id_), around=_number(turn), limit=1)
        files = [] if found is None else [file for said in found.transcript.messages for file in said.media]
        file = next((each for each in files if each.sha256 == sha256), None)
        if found is None or file is None:
            raise HTTPException(status_code=404, detail="console.conversations_no_file")
        try:
            data = await service.media.read(file)
        except Undeliverable:
            raise HTTPException(status_code=404, detail="console.conversations_no_file") from None
        talk = found.transcript.conversation
        details = {"conversation": talk.id, "person": f"{talk.channel}/{talk.user}", "file": file.name}
        await audit(service.database, request, "read", details, conversations=1)
        if file.mime in _SHOWN:
            return Response(data, media_type=file.mime, headers=FRESH)
        # Whatever else it is, no browser opens it here.
        away = {"Content-Disposition": "attachment"}
        return Response(data, media_type="application/octet-stream", headers=FRESH | away)

    return [conversation, media]


def _exchanges(messages: Sequence[Message], catalogue: Catalogue) -> tuple[ReadExchange, ...]:
    return tuple(_exchange(turn, list(said), catalogue) for turn, said in groupby(messages, attrgetter("turn")))


def _exchange(turn: int, said: Sequence[Message], catalogue: Catalogue) -> ReadExchange:
    question, answer = (next((each for each in said if each.role == role), None) for role in ("human", "ai"))
    return ReadExchange(turn, question, answer, chat_html(answer.text[:_LONGEST], catalogue) if answer else Markup())


def _number(text: str) -> int:
    number = whole_number(text)
    if number is None or number > _LARGEST_ID:
        raise HTTPException(status_code=404, detail="console.conversations_gone")
    return number


def _group(talk: ConversationInfo) -> str:
    return talk.user.removeprefix(GROUP) if talk.user.startswith(GROUP) else ""


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
