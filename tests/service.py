"""The whole service in this process, as `webot serve` runs it: real sockets, real database, the simulator as WeCom."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import httpx2
from litestar.types import ASGIApp, Receive, Scope, Send

from adapters.simulator.phone import Phone
from adapters.simulator.simulator import WeComSimulator
from tests.databases import place_migrated_file
from web.api.routes import api_routes
from web.channel_kinds import KINDS, Kinds
from web.console.routes import console_routes
from web.http.app import Part, guard_of, make_apps, server_app, whole_app
from web.http.server import serving
from web.listeners import bind
from web.settings.addresses import addresses_of
from web.settings.loading import load
from web.wiring import Service

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class RunningService:
    """A running service, and the two ways to reach it: as WeCom's members do, and over HTTP.

    `http` is for callbacks and health, `console` for the console and all that listens there.
    """

    service: Service
    simulator: WeComSimulator
    http: httpx2.AsyncClient
    console: httpx2.AsyncClient

    def phone(self, user: str = "zhangsan", agent_id: int | None = None) -> Phone:
        """Give a member's phone with the app open."""
        return self.simulator.phone(user, agent_id=agent_id)


@asynccontextmanager
async def running_service(
    folder: Path, environ: Mapping[str, str] | None = None, kinds: Kinds = KINDS
) -> AsyncIterator[RunningService]:
    """Serve from a folder on a free port until the block ends."""
    settings = {
        "WEBOT_SERVER__PORT": "0",
        "WEBOT_CONSOLE__PORT": "0",
        "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{folder}/webot.db",
        "WEBOT_STORAGE__DATA_DIR": str(folder / "data"),
        "WEBOT_LIMITS__DRAIN_SECONDS": "5",
        # On a busy machine an answer may take so long that it would be announced.
        "WEBOT_CHAT__THINKING_SECONDS": "0",
    }
    if "WEBOT_STORAGE__DATABASE_URL" not in (environ or {}):
        await asyncio.to_thread(place_migrated_file, folder / "webot.db")
    loaded = await asyncio.to_thread(load, folder, settings | dict(environ or {}), kinds)
    listeners = bind(addresses_of(loaded))
    async with (
        httpx2.AsyncClient(base_url=listeners.url, verify=_NO_TLS, trust_env=False, timeout=60) as http,
        httpx2.AsyncClient(base_url=listeners.console_url, verify=_NO_TLS, trust_env=False, timeout=60) as console,
        serving(loaded, listeners, make=_make_apps) as service,
    ):
        assert service.simulator is not None
        yield RunningService(service, service.simulator, http, console)


class _PartsWhenAsked:
    """Answers WeCom's callbacks, and makes the pages, and the API, when they are asked for.

    They are half of the CPU of a start, and most services of tests are asked for one of them or none.
    """

    def __init__(self, service: Service) -> None:
        self._paths = {channel.path for channel in service.channels.values()}
        self._callbacks = server_app(service)
        self._with = cache(partial(whole_app, service, guard_of(service)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path = scope["path"]
        app = self._callbacks if path in self._paths else self._with(_parts_at(path))
        await app(scope, receive, send)


def _parts_at(path: str) -> tuple[Part, ...]:
    """Return the parts of the application that a path may belong to."""
    if path.startswith("/console"):
        return (console_routes,)
    return (api_routes,) if path.startswith("/api") else ()


def _make_apps(service: Service, *, apart: bool) -> Sequence[ASGIApp]:
    return make_apps(service, apart=True) if apart else [_PartsWhenAsked(service)]


async def until(holds: Callable[[], object]) -> float:
    """Give the seconds until something is so."""
    began = time.perf_counter()
    async with asyncio.timeout(60):
        # A turn of the loop without a pause would take a core from what is waited for.
        while not holds():  # noqa: ASYNC110 -- most of what is waited for tells nobody
            await asyncio.sleep(0.002)
    return time.perf_counter() - began
