"""Runs a coroutine on the fastest event loop there is for the platform."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Got = TypeVar("Got")


def run(main: Coroutine[Any, Any, Got]) -> Got:
    """Run to the end on uvloop, or on the standard loop where there is none."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if sys.platform != "win32":
        import uvloop  # noqa: PLC0415 -- does not exist for Windows

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)
