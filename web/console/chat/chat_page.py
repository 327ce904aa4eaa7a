"""The chat page: one speaks as any member through the simulator, and sees both sides as they come."""

import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import ServerSentEvent, ServerSentEventMessage

from adapters.simulator.callback_sender import DeliveryResult
from adapters.simulator.platform.media import mime_of
from pipeline.events import Content, File, Image, Text, Video, Voice
from web.console.chat.bubbles import Bubbles
from web.console.chat.faults import fault_panel
from web.console.chat.message_form import quoted_content, said_content
from web.console.chat.session import ConsoleSession, ConsoleSessions
from web.console.chat.view_models import SHOWN_PICTURES
from web.console.event_stream import follow
from web.console.pages import FRESH, answer_json, page, words_for
from web.console.request_models import whole_number
from web.console.status.status_page import state_of
from web.security.lasting import while_admitted
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

LARGEST_UPLOAD = 21 * 1024 * 1024
"""Bytes: the 20 MB WeCom lets a file have, and what is around it in the request."""


def chat_routes(service: Service, rooms: ConsoleSessions) -> list[HTTPRouteHandler]:
    """Make the routes of the chat page."""
    # The entries are counted from 1 again after a restart, and a page that was left open would miss them.
    run = secrets.token_hex(4)
    bubbles = Bubbles()

    @get("/", permission=Permission.CHAT)
    async def open_page(request: _Request) -> Response[str]:
        state = await state_of(service)
        if not rooms.channels:
            return page("status.html", request, state=state, tab="status")
        room = rooms.find({"channel": rooms.first} | {**request.query_params})
        return page(
            "chat.html",
            request,
            tab="chat",
            state=state,
            room=room,
            people=rooms.people(room),
            groups=rooms.groups(room),
            channels=rooms.channels,
            menu=rooms.menu(room),
            model=service.chains.model(service.settings.channels[room.channel].chain),
            faults=fault_panel(rooms.simulator),
        )

    @get("/stream", permission=Permission.CHAT)
    async def stream(request: _Request) -> ServerSentEvent:
        room = rooms.find(request.query_params)
        seen_run, _, seen = _seen(request).partition(".")
        after = whole_number(seen) or 0 if seen_run == run else 0
        words = words_for(request)
        names = rooms.button_names(room)

        async def events() -> AsyncGenerator[ServerSentEventMessage]:
            if not after:
                yield ServerSentEventMessage(event="begin", data=run, retry=1000)
            async with aclosing(follow(room.phone.watch(after), service.closing)) as entries:
                async for entry in entries:
                    if entry is None:
                        yield ServerSentEventMessage(comment="still here")
                        continue
                    html = bubbles.html(entry, room, names, simulator=rooms.simulator, catalogue=words)
                    yield ServerSentEventMessage(event="entry", id=f"{run}.{entry.number}", data=html)

        return ServerSentEvent(while_admitted(request, events()), headers=FRESH | {"X-Accel-Buffering": "no"})

    @post("/do", permission=Permission.CHAT, status_code=200)
    async def do(request: _Request) -> Response[bytes]:
        fields = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        room = rooms.find(fields)
        content, quote = said_content(fields), quoted_content(room, fields)
        is_addressed = room.is_addressed(content)
        delivery = await room.phone.do(content, quote=quote, is_addressed=is_addressed)
        return answer_json(_delivery_fields(delivery, is_addressed=is_addressed))

    @post("/upload", permission=Permission.CHAT, status_code=200, request_max_body_size=LARGEST_UPLOAD)
    async def upload(request: _Request) -> Response[bytes]:
        form = await request.form()
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        room = rooms.find(fields)
        files = [value for value in form.getall("file", []) if isinstance(value, UploadFile)]
        contents = [await _stored(room, file) for file in files]
        return answer_json(await _send_files(room, tuple(contents), fields))

    @get("/media/{media_id:str}", permission=Permission.CHAT)
    async def media(request: _Request, media_id: FromPath[str]) -> Response[bytes]:
        room = rooms.find(request.query_params)
        try:
            found = rooms.simulator.media(media_id, agent_id=room.app.agent_id, corp_id=room.app.corp_id)
        except LookupError:
            raise HTTPException(status_code=404, detail="console.media_gone") from None
        shown = found.label.mime in SHOWN_PICTURES and "download" not in request.query_params
        name = quote(found.label.name or media_id, safe="")
        disposition = "inline" if shown else "attachment"
        return Response(
            found.data,
            media_type=found.label.mime if shown else "application/octet-stream",
            headers={
                "Content-Disposition": f"{disposition}; filename*=UTF-8''{name}",
                # An id never names other bytes.
                "Cache-Control": "private, max-age=3600",
            },
        )

    return [open_page, stream, do, upload, media]


def _seen(request: _Request) -> str:
    """Return the id of the last entry the page has: the browser's own word, or a page's that was away for a while."""
    return request.headers.get("last-event-id", "") or request.query_params.get("seen", "")


async def _stored(room: ConsoleSession, file: UploadFile) -> Content:
    """Store a file where the app can fetch it, and return the message that brings it."""
    data, name = await file.read(), file.filename
    if not data:
        raise HTTPException(status_code=400, detail="console.empty_file")
    match mime_of(data, name):
        case "image/jpeg" | "image/png" | "image/gif":
            return Image(room.phone.put("image", data, name))
        case "audio/amr":
            return Voice(room.phone.put("voice", data, "voice.amr"), "amr")
        case "video/mp4":
            return Video(room.phone.put("video", data, name))
        case _:
            return File(room.phone.put("file", data, name), name)


async def _send_files(
    room: ConsoleSession, contents: tuple[Content, ...], fields: Mapping[str, str]
) -> list[dict[str, object]]:
    """Send files; words and files typed together are one message to a bot."""
    words = Text(fields.get("text", "").replace("\r\n", "\n"))
    if contents and words.text.strip() and room.is_bot:
        is_addressed, quote = room.is_addressed(words), quoted_content(room, fields)
        delivery = await room.phone.do(words, quote=quote, attachments=contents, is_addressed=is_addressed)
        return [_delivery_fields(delivery, is_addressed=is_addressed)]
    is_addressed = not room.group
    posted = [await room.phone.do(content, is_addressed=is_addressed) for content in contents]
    return [_delivery_fields(each, is_addressed=is_addressed) for each in posted]


def _delivery_fields(posting: DeliveryResult, *, is_addressed: bool) -> dict[str, object]:
    accepted = posting.accepted or not is_addressed
    return {
        "msg_id": posting.msg_id,
        "accepted": accepted,
        "statuses": posting.statuses,
        "addressed": is_addressed,
    }
