"""Runs the service behind a socket until it is told to stop."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import structlog
import uvicorn
from litestar import Litestar

from pipeline.errors import SettingsInvalid
from pipeline.settings import Server
from web.app import make_app
from web.configuration import Loaded
from web.logs import Logs
from web.reloading import watching
from web.wiring import Service, open_service

log = structlog.get_logger()

_GRACE_SECONDS = 5
"""For requests under way when the server closes."""


class _Quiet(uvicorn.Server):
    """Leaves the signals to us: the turns are drained while callbacks are still accepted."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


def bind(server: Server) -> socket.socket:
    """Take the address, so that a taken one is refused before anything is opened. Raises `SettingsInvalid`."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    # The protocol is named because asyncio only then turns Nagle's delay off.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((server.host, server.port))
    except OSError as error:
        listener.close()
        wrong = f"cannot listen on {server.host}:{server.port}: {error.strerror or error}"
        way_out = "stop what is using it, or set [server] port to a free one"
        raise SettingsInvalid([f"[server] host, port: {wrong}; {way_out}"]) from None
    listener.listen(2048)
    return listener


def own_url(listener: socket.socket) -> str:
    """Give the URL at which this machine reaches a bound socket."""
    host, port = listener.getsockname()[:2]
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared, not bound
    host = f"[{reached}]" if ":" in reached else reached
    return f"http://{host}:{port}"


@contextlib.asynccontextmanager
async def serving(
    loaded: Loaded,
    listener: socket.socket,
    *,
    make: Callable[[Service], Litestar] = make_app,
    logs: Logs | None = None,
) -> AsyncIterator[Service]:
    """Serve until the block ends; then let running turns finish, close the door, and let go of everything.

    Edits of the settings files are taken over meanwhile, `logs` included.
    """
    service = await open_service(loaded, own_url=own_url(listener))
    server = _Quiet(
        uvicorn.Config(
            make(service),
            access_log=False,
            log_config=None,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    running = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        await service.start()
        _settle_memory()
        log.info("ready", url=own_url(listener))
        async with watching(service, loaded, logs):
            yield service
    finally:
        await service.drain()
        server.should_exit = True
        await running
        await service.close()


def _settle_memory() -> None:
    """Leave what was loaded at the start out of every collection: full ones were a third of the work under load."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def serve(loaded: Loaded, logs: Logs, *, announce: Callable[[str, Service], None]) -> None:
    """Serve until SIGINT or SIGTERM; `announce` is told the URL once people can be answered."""
    listener = bind(loaded.settings.server)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serving(loaded, listener, logs=logs) as service:
        announce(own_url(listener), service)
        await stop.wait()
        log.info("stopping", running=service.worker.running)
