"""The routes by which programs chat through the simulator, `webot chat` and `webot simulate` first: JSON in and out."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from pydantic import Field
from pydantic_core import to_json

from adapters.aibot.event_reader import event_key
from adapters.simulator.platform.state import chat_of
from pipeline.events import Content, Person
from storage.monitoring.status import count_stored, count_unfinished
from web.console.chat.chat_page import LARGEST_UPLOAD
from web.console.chat.session import ConsoleSession, ConsoleSessions
from web.console.event_stream import follow
from web.console.pages import FRESH, VERSION, answer_json
from web.console.request_models import RequestModel, from_body, from_query
from web.console.status.status_page import state_of
from web.security.lasting import while_admitted
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

PRODUCT = "webot"
NDJSON = "application/x-ndjson"
_PAUSE_SECONDS = 0.05
_MOST_SECONDS = 60.0
_STORED_SECONDS = 60.0
"""Within which a bot stores a message, or never heard of it."""
_PRESSED_SECONDS = 5.0
"""Within which a bot shows an answer to what is no message and has no id; what wants none is waited for as long."""


class _Room(RequestModel):
    """Whose conversation, and with which app; left out, the first there is."""

    user: str = ""
    channel: str = ""
    group: str = ""
    """The group of a bot it is said in; left out, the single chat."""

    @property
    def fields(self) -> dict[str, str]:
        """Return what names the room."""
        return {"user": self.user, "channel": self.channel, "group": self.group}


class _Do(_Room):
    content: Annotated[Content, Field(discriminator="kind")]


class _Since(_Room):
    after: int | None = None
    """The number of the last entry known; left out, what has been is not told."""


class _Settled(_Room):
    within: float = Field(default=30.0, ge=0, le=_MOST_SECONDS)


class _Upload(_Room):
    type: str
    name: str = ""


def chat_api_routes(service: Service, rooms: ConsoleSessions) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/api/status", permission=Permission.CHAT)
    async def status() -> Response[bytes]:
        state = await state_of(service)
        return answer_json({"product": PRODUCT, "version": VERSION, "ready": state.ready, "state": state})

    @post("/api/do", permission=Permission.CHAT, status_code=200)
    async def do(request: _Request) -> Response[bytes]:
        asked = await from_body(_Do, request)
        room = rooms.find(asked.fields)
        # Who writes through a program means the bot.
        content = room.mentioned(asked.content)
        is_addressed = room.is_addressed(content)
        posting = await room.phone.do(content, is_addressed=is_addressed)
        accepted = posting.accepted or not is_addressed
        return answer_json({"msg_id": posting.msg_id, "accepted": accepted, "statuses": posting.statuses})

    @post("/api/media", permission=Permission.CHAT, status_code=200, request_max_body_size=LARGEST_UPLOAD)
    async def put(request: _Request) -> Response[bytes]:
        asked = from_query(_Upload, request)
        room = rooms.find(asked.fields)
        return answer_json({"media_id": room.phone.put(asked.type, await request.body(), asked.name)})

    @get("/api/follow", permission=Permission.CHAT)
    async def follow_room(request: _Request) -> Stream:
        asked = from_query(_Since, request)
        room = rooms.find(asked.fields)

        after = _latest(room) if asked.after is None else asked.after

        async def lines() -> AsyncGenerator[bytes]:
            # At once, so that who asked knows that nothing will be missed.
            yield b"\n"
            async with aclosing(follow(room.phone.watch(after), service.closing)) as entries:
                async for entry in entries:
                    yield to_json(entry) + b"\n" if entry else b"\n"

        return Stream(while_admitted(request, lines()), media_type=NDJSON, headers=FRESH)

    @get("/api/settled", permission=Permission.CHAT)
    async def settled(request: _Request) -> Response[bytes]:
        """Wait until everything a person said has been answered to the end, or for so many seconds."""
        asked = from_query(_Settled, request)
        room = rooms.find(asked.fields)
        person = Person(room.channel, chat_of(room.user, room.group))
        end = asyncio.get_running_loop().time() + asked.within
        streams = service.channels[room.channel].channel.capabilities.streams
        # Asked in this order: what is stored between the two questions is found by the second.
        while (streams and await _not_yet_accepted(room, service)) or await count_unfinished(service.database, person):
            if service.closing.is_set() or asyncio.get_running_loop().time() >= end:
                return answer_json({"settled": False})
            await asyncio.sleep(_PAUSE_SECONDS)
        return answer_json({"settled": True, "latest": _latest(room)})

    return [status, do, put, follow_room, settled]


async def _not_yet_accepted(room: ConsoleSession, service: Service) -> bool:
    """Whether something young that was said to a bot is not stored: a bot acknowledges no message it accepts."""
    now, entries = time.time(), room.phone.entries(0)
    keys = [
        event_key(room.app.bot_id, entry.msg_id)
        for entry in entries
        if entry.kind == "said"
        and entry.msg_id
        and now - entry.at < _STORED_SECONDS
        and room.is_addressed(entry.content)
    ]
    if keys and await count_stored(service.database, keys) < len(keys):
        return True
    latest = entries[-1] if entries else None
    return latest is not None and latest.kind == "said" and not latest.msg_id and now - latest.at < _PRESSED_SECONDS


def _latest(room: ConsoleSession) -> int:
    return max((entry.number for entry in room.phone.entries(0)), default=0)
