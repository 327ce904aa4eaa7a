"""The routes by which programs let things go wrong, and play a scripted conversation of many: JSON in and out."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from litestar import Request, Response, delete, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from pydantic import Field
from pydantic_core import to_json

from pipeline.text.i18n import Catalogue, Sentence
from web.console.chat.chat_api import NDJSON
from web.console.chat.faults import fault_panel, set_fault
from web.console.chat.session import ConsoleSessions
from web.console.pages import FRESH, answer_json
from web.console.request_models import RequestModel, from_body
from web.security.roles import Permission
from web.simulate.player import Plan, Simulation
from web.wiring import Service

_Request = Request[Any, Any, Any]

LARGEST_PLAN = 64 * 1024 * 1024
"""Bytes: a script with its pictures."""


class _Fault(RequestModel):
    fault: str
    calls: int | None = Field(default=None, ge=1)


class _Simulate(RequestModel):
    channel: str = ""
    plan: Plan


def drill_routes(service: Service, rooms: ConsoleSessions) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/api/faults", permission=Permission.CHAT)
    async def faults() -> Response[bytes]:
        return answer_json(fault_panel(rooms.simulator))

    @post("/api/faults", permission=Permission.CHAT, status_code=200)
    async def set_one(request: _Request) -> Response[bytes]:
        asked = await from_body(_Fault, request)
        try:
            set_fault(rooms.simulator, asked.fault, asked.calls)
        except KeyError:
            known = ", ".join(fault_panel(rooms.simulator).presets)
            raise HTTPException(
                status_code=400, detail=Sentence("request.no_fault", found=asked.fault, known=known)
            ) from None
        return answer_json(fault_panel(rooms.simulator))

    @delete("/api/faults", permission=Permission.CHAT, status_code=200)
    async def clear() -> Response[bytes]:
        rooms.simulator.clear_faults()
        return answer_json(fault_panel(rooms.simulator))

    @post("/api/simulate", permission=Permission.CHAT, status_code=200, request_max_body_size=LARGEST_PLAN)
    async def simulate(request: _Request) -> Stream:
        asked = await from_body(_Simulate, request)
        room = rooms.find({"channel": asked.channel})
        if asked.plan.groups and not room.is_bot:
            detail = f"{room.channel!r} is an application, and only AI bots have groups; name a bot with --channel"
            raise HTTPException(status_code=400, detail=detail)
        simulation = Simulation(
            asked.plan,
            simulator=rooms.simulator,
            app=room.app,
            channel=service.channels[room.channel].channel,
            database=service.database,
            notices=frozenset({Catalogue(service.settings.chat.language).text("turn.thinking")}),
        )

        async def lines() -> AsyncGenerator[bytes]:
            async with aclosing(simulation.run()) as progress:
                async for step in progress:
                    yield to_json(step) + b"\n"

        return Stream(lines(), media_type=NDJSON, headers=FRESH)

    return [faults, set_one, clear, simulate]
