"""One message of the chat as engineers see it: the callback, the turn's steps, the model's request, calls to WeCom."""

import asyncio
import json
from time import time
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from adapters.simulator.bots.bot_bodies import callback_body
from adapters.simulator.callback_xml import callback_xml
from adapters.simulator.console_markup import markdown
from adapters.simulator.platform.state import chat_of
from adapters.simulator.platform.timeline import Delivered, Entry, MemberAction
from pipeline.events import Person
from storage.monitoring.turn_lookup import exchange_of_turn, turn_of_content, turn_of_key, turn_of_message
from web.console.chat.session import ConsoleSession, ConsoleSessions
from web.console.pages import FRESH, page, path_of, rendered, words_for
from web.console.request_models import whole_number
from web.operator.reports.turn_trace import TurnTrace, trace_turn
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_RECORDED_WITHIN_SECONDS = 5.0
_LOOK_SECONDS = 0.1


def inspect_routes(service: Service, rooms: ConsoleSessions) -> list[HTTPRouteHandler]:
    """Make the route."""

    @get("/inspect", permission=Permission.CHAT)
    async def inspect(request: _Request) -> Response[str]:
        room = rooms.find(request.query_params)
        number = whole_number(request.query_params.get("entry", ""))
        entry = next((each for each in room.phone.entries(0) if each.number == number), None)
        if entry is None:
            raise HTTPException(status_code=404, detail="console.trace_gone")
        found = await _trace(request, room, entry)
        shown: dict[str, Any] = {
            "trace": found,
            "callback": _callback(room, entry, found),
            "calls": _calls(room, entry, found),
            "markdown": markdown,
            "currency": service.settings.budgets.currency,
        }
        if "hx-request" in request.headers:
            html = rendered("trace.html", words_for(request), to=path_of(request), **shown)
            return Response(html, media_type=MediaType.HTML, headers=FRESH)
        return page("trace_page.html", request, tab="chat", back="", title=room.user, **shown)

    async def _trace(request: _Request, room: ConsoleSession, entry: Entry) -> TurnTrace | None:
        chat = Person(room.channel, chat_of(room.user, room.group))
        match entry:
            case MemberAction():
                turn = await turn_of_content(service.database, chat, entry.content, entry.at)
            case Delivered():
                turn = await _turn_that_sent(chat, entry)
                # A message stands in the chat as soon as WeCom has it, a moment before its turn records that.
                while turn is None and time() - entry.at < _RECORDED_WITHIN_SECONDS:
                    await asyncio.sleep(_LOOK_SECONDS)
                    turn = await _turn_that_sent(chat, entry)
        if turn is None:
            return None
        exchange = await exchange_of_turn(service.database, chat, turn)
        return await trace_turn(service.database, service.foundation.request_log, turn, exchange, words_for(request))

    async def _turn_that_sent(chat: Person, entry: Delivered) -> int | None:
        turn = await turn_of_message(service.database, chat, entry.msgid)
        return await turn_of_key(service.database, entry.feedback) if turn is None and entry.feedback else turn

    return [inspect]


def _callback(room: ConsoleSession, entry: Entry, found: TurnTrace | None) -> str:
    """Return what WeCom told of what was said, decrypted; that of an answer is its question's."""
    said = entry if isinstance(entry, MemberAction) else _question(room, entry, found)
    if said is None:
        return ""
    if room.app.bot_id:
        _, body = callback_body(room.app, said, said.msg_id, lambda media_id: {"media_id": media_id})
        return json.dumps(body, ensure_ascii=False, indent=2)
    return callback_xml(room.app, said).replace("><", ">\n<")


def _question(room: ConsoleSession, entry: Delivered, found: TurnTrace | None) -> MemberAction | None:
    if found is None or found.detail is None:
        return None
    detail, accepted_at = found.detail, found.detail.turn.accepted_at
    before = [each for each in room.phone.entries(0) if isinstance(each, MemberAction) and each.number < entry.number]
    same = [each for each in before if each.content == detail.content]
    if accepted_at is None or not before:
        return same[-1] if same else None
    return min(same or before, key=lambda each: abs(each.at - accepted_at.timestamp()))


def _calls(room: ConsoleSession, entry: Entry, found: TurnTrace | None) -> tuple[tuple[str, str], ...]:
    """Return the messages of the turn as they were sent: the call with the id each got, and its body."""
    ids = {entry.msgid} if isinstance(entry, Delivered) else set()
    if found is not None and found.detail is not None:
        ids |= {part.message_id for part in found.detail.parts if part.message_id}
    return tuple(
        (
            each.msgid if room.is_bot else f"POST /cgi-bin/message/send → {each.msgid}",
            json.dumps(_request(room, each), ensure_ascii=False, indent=2),
        )
        for each in room.phone.entries(0)
        if isinstance(each, Delivered) and each.msgid in ids
    )


def _request(room: ConsoleSession, sent: Delivered) -> dict[str, object]:
    message: dict[str, object] = {"msgtype": sent.type, sent.type: dict(sent.body) or {"content": sent.sent}}
    return message if room.is_bot else {"touser": sent.user, "agentid": sent.agent_id, **message}
