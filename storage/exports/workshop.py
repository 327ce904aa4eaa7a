"""Sends orders to rendering processes, a bounded number at a time, and ends those that hang or are not wanted."""

import asyncio
import os
import signal
import sys
from contextlib import suppress

import structlog

from storage.exports.orders import ANSWER, ORDER, Broken, Rendered, RenderOrder

log = structlog.get_logger()

_LONGEST_ANSWER = 1024 * 1024


class Workshop:
    """Keeps up to `presses` processes; with `keep`, they stay for the next order, else each ends with its first."""

    def __init__(self, *, presses: int, keep: bool, seconds: float) -> None:
        self._room = asyncio.Semaphore(presses)
        self._idle: list[asyncio.subprocess.Process] = []
        self._keep = keep
        self._seconds = seconds

    async def render(self, order: RenderOrder) -> Rendered | Broken:
        """Have documents made; what takes too long, or dies, is `Broken`."""
        async with self._room:
            press = self._idle.pop() if self._idle else await self._start()
            kept = False
            try:
                answer = await self._ask(press, order)
                kept = self._keep and isinstance(answer, Rendered)
            finally:
                if kept:
                    self._idle.append(press)
                else:
                    await _end(press)
            return answer

    async def close(self) -> None:
        """End every process."""
        while self._idle:
            await _end(self._idle.pop())

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "storage.exports.press",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LONGEST_ANSWER,
            # Its helpers are ended with it.
            start_new_session=True,
        )

    async def _ask(self, press: asyncio.subprocess.Process, order: RenderOrder) -> Rendered | Broken:
        assert press.stdin is not None  # noqa: S101 (both were asked for)
        assert press.stdout is not None  # noqa: S101
        try:
            async with asyncio.timeout(self._seconds):
                press.stdin.write(ORDER.dump_json(order) + b"\n")
                await press.stdin.drain()
                line = await press.stdout.readline()
        except TimeoutError:
            return Broken(f"not done after {self._seconds:g} s")
        except (BrokenPipeError, ConnectionResetError):
            line = b""
        return ANSWER.validate_json(line) if line else Broken("the rendering process died")


async def _end(press: asyncio.subprocess.Process) -> None:
    assert press.stdin is not None  # noqa: S101 (it was asked for)
    press.stdin.close()
    with suppress(ProcessLookupError):
        os.killpg(press.pid, signal.SIGKILL)
    await asyncio.shield(press.wait())
