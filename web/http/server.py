"""Runs the service behind a socket until it is told to stop."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast

import structlog
import uvicorn
from litestar.types import ASGIApp

from adapters.bounded_http import BoundedHttpProtocol, ConnectionLimit, connection_limit, raise_descriptor_limit
from pipeline.settings import Settings
from storage.database.access import driver_errors
from storage.database.startup import wait_for_database
from web.config_watcher import ConfigWatcher
from web.console.chat.earlier import show_earlier
from web.http.app import make_apps
from web.http.memory import settle_memory
from web.listeners import Listeners, bind
from web.logs.setup import Logs
from web.operator.evaluation.chain_jobs import add_chain_jobs
from web.security.access import Access, make_password, open_access
from web.settings.addresses import addresses_of
from web.settings.loading import Loaded
from web.wiring import Service, open_service

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication

log = structlog.get_logger()

_GRACE_SECONDS = 5
"""For requests under way when the server closes."""


class _Quiet(uvicorn.Server):
    """Leaves the signals to us: the turns are drained while callbacks are still accepted."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


class MakeApps(Protocol):
    """Makes the applications of a service: one, or two where the console's address is `apart`."""

    def __call__(self, service: Service, *, apart: bool) -> Sequence[ASGIApp]:
        """Return them, the server's first."""


@contextlib.asynccontextmanager
async def serving(
    loaded: Loaded,
    listeners: Listeners,
    *,
    make: MakeApps = make_apps,
    logs: Logs | None = None,
    tell_password: Callable[[str], None] | None = None,
) -> AsyncIterator[Service]:
    """Serve until the block ends; then let running turns finish, close the door, and let go of everything.

    Edits of settings and chains are taken over meanwhile, `logs` included. `tell_password` is told the password that
    [console] generate_password asks for, the first time; without it none is made.
    """
    try:
        service = await open_service(loaded, own_url=listeners.url)
        try:
            service = replace(service, access=await _accessible(loaded.settings, logs, tell_password))
            add_chain_jobs(service)
            with driver_errors():
                await show_earlier(service)
        except BaseException:
            await service.close()
            raise
    except BaseException:
        listeners.close()
        raise
    watcher = ConfigWatcher(service, loaded, logs)
    sockets = [listeners.server, *([listeners.own] if listeners.own else [])]
    limit = connection_limit()
    servers = [_Quiet(_config(app, limit)) for app in make(service, apart=listeners.own is not None)]
    running = [
        asyncio.create_task(server.serve(sockets=[listener]), name="http")
        for server, listener in zip(servers, sockets, strict=True)
    ]
    try:
        with driver_errors():
            await service.start()
        settle_memory()
        log.info("ready", url=listeners.url, console=listeners.console_url)
        watcher.loop.start()
        service.loops.append(watcher.loop)
        yield service
    finally:
        await service.drain()
        await watcher.loop.stop()
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*running)
        await service.close()


async def _accessible(settings: Settings, logs: Logs | None, tell_password: Callable[[str], None] | None) -> Access:
    access = await asyncio.to_thread(open_access, settings)
    if logs is not None:
        logs.guard((access.token,))
    wanted = settings.console.generate_password and not access.hash_for(settings)
    if wanted and tell_password is not None:
        access = await asyncio.to_thread(make_password, settings, access, tell_password)
    return access


def _config(app: ASGIApp, limit: ConnectionLimit) -> uvicorn.Config:
    return uvicorn.Config(
        cast("ASGIApplication", app),
        http=BoundedHttpProtocol.within(limit),
        access_log=False,
        log_config=None,
        lifespan="off",
        ws="none",
        # What a peer claims to be is no reason to believe it: nothing is decided by X-Forwarded-For.
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


async def serve(
    loaded: Loaded,
    logs: Logs,
    *,
    announce: Callable[[Listeners, Service, str], None],
    tell_password: Callable[[str], None],
    waits: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until SIGINT or SIGTERM, and open the log file anew at SIGHUP.

    `announce` is told where once people can be answered, and the address that signs an operator in once where nobody
    else could sign in; `waits` is told what the start waits for, if anything.
    """
    raise_descriptor_limit()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # From a program that rotates logs; where a person watches, the terminal has been closed.
    loop.add_signal_handler(signal.SIGHUP, stop.set if sys.stderr.isatty() else logs.reopen)
    storage = loaded.settings.storage
    url = storage.database_url.get_secret_value()
    # Before the port is taken: until then a proxy says that nobody is there, and WeCom comes back.
    if not await _unless(stop, wait_for_database(url, seconds=storage.wait_seconds, announce=waits)):
        return
    listeners = bind(addresses_of(loaded))
    async with serving(loaded, listeners, logs=logs, tell_password=tell_password) as service:
        announce(listeners, service, await _one_time_address(service, listeners))
        await stop.wait()
        log.info("stopping", running=service.worker.running)


async def _one_time_address(service: Service, listeners: Listeners) -> str:
    """Return the address that opens the console once; empty where nobody needs it or somebody can sign in."""
    accounts = service.accounts
    if not accounts.real or service.access.hash_for(service.settings) or await accounts.has_users():
        return ""
    return f"{listeners.console_url}/console/sign-in?code={accounts.offer_code()}"


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Await work and return True, or cancel it and return False when the event comes first."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
        return working.done()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
