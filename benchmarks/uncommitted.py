"""Serves what `webot serve` serves, with the commit left out: events are verified, parsed and forgotten."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from litestar.types import ASGIApp

from pipeline.events import InboundEvent
from pipeline.lanes import Intake
from web.http.app import make_apps
from web.http.server import serving
from web.listeners import bind
from web.logs.setup import configure_logs
from web.loop import run
from web.settings.addresses import addresses_of
from web.settings.loading import load, secrets_of
from web.wiring import Service


class Forgetful:
    """Implements `Inbox` by doing nothing."""

    async def accept(self, event: InboundEvent, *, lane: str) -> bool:
        """Take an event and forget it."""
        del event, lane
        return True


def _make(service: Service, *, apart: bool) -> Sequence[ASGIApp]:
    return make_apps(replace(service, intake=Intake(Forgetful(), service.chains.urgent, keep_days=7)), apart=apart)


async def main() -> None:
    """Serve until told to stop."""
    loaded = load(Path.cwd(), os.environ)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with configure_logs(loaded.settings.log, secrets_of(loaded)):
        listeners = bind(addresses_of(loaded))
        async with serving(loaded, listeners, make=_make):
            sys.stdout.write(f"webot is ready: {listeners.url}\n")
            sys.stdout.flush()
            await stop.wait()


if __name__ == "__main__":
    run(main())
