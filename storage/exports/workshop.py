"""Sends orders to rendering processes, a bounded number at a time, and ends those that hang or are not wanted."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from storage.exports.laid import LaidOut
from storage.exports.orders import (
    ANSWER,
    ORDER,
    Answer,
    BindOrder,
    Broken,
    Order,
    PartOrder,
    Printed,
    Rendered,
    RenderOrder,
    Unprintable,
)

log = structlog.get_logger()

_LONGEST_ANSWER = 1024 * 1024
_ORDERS = 40
"""After so many a process makes room for a fresh one: MuPDF keeps some of what it once took."""


class _Stopped(Exception):
    """A part could not be printed, so the others need not be."""

    def __init__(self, answer: Unprintable | Broken) -> None:
        super().__init__()
        self.answer = answer


@dataclass
class _Press:
    """A process, and how many orders it has carried out."""

    process: asyncio.subprocess.Process
    orders: int = 0


class Workshop:
    """Keeps up to `presses` processes while there is something to render; with `keep`, until it is closed.

    Whoever has several parts gets no more than a turn for each of them: a short document does not wait for a long one.
    """

    def __init__(self, *, presses: int, keep: bool, seconds: float) -> None:
        self.presses = presses
        self._room = asyncio.Semaphore(presses)
        self._idle: list[_Press] = []
        self._keep = keep
        self._busy = 0
        self._seconds = seconds

    async def warm(self) -> None:
        """Start every process: they get ready while the order is still being written."""
        while len(self._idle) < self.presses:
            self._idle.append(await _start())

    async def render(self, order: RenderOrder) -> Rendered | Broken:
        """Have documents made; what takes too long, or dies, is `Broken`. Without pages there is a web page."""
        async with self._opened():
            try:
                async with asyncio.timeout(self._seconds):
                    if order.format == "pdf":
                        return await self._pages(order)
                    return _rendered(await self._ask(order))
            except TimeoutError:
                return Broken(f"not done after {self._seconds:g} s")

    async def close(self) -> None:
        """End every process."""
        while self._idle:
            await _end(self._idle.pop())

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[None]:
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy and not self._keep:
                await self.close()

    async def _pages(self, order: RenderOrder) -> Rendered | Broken:
        answer: Unprintable | Broken | None = None
        parts = await asyncio.to_thread(LaidOut(Path(order.folder)).parts)
        left = iter(parts)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.presses, len(parts))):
                    group.create_task(self._print(order, left))
        except* _Stopped as stopped:
            answer = _answer(stopped)
        match answer:
            case None:
                if len(parts) > _ORDERS:
                    # Binding takes memory, and what the others have kept is not needed beside it.
                    await self.close()
                return _rendered(await self._ask(BindOrder(order.folder, order.name, order.language, order.limit)))
            case Unprintable(reason):
                made = _rendered(await self._ask(replace(order, format="html")))
                return made if isinstance(made, Broken) else replace(made, plainer=reason)
            case Broken():
                return answer

    async def _print(self, order: RenderOrder, left: Iterator[str]) -> None:
        for part in left:
            wanted = PartOrder(order.folder, part, order.engine, order.language)
            answer = await self._ask(wanted)
            if isinstance(answer, Broken) and order.engine == "auto":
                # What the process died of may have been the engine.
                log.warning("export_press_died", part=part, reason=answer.reason)
                answer = await self._ask(replace(wanted, engine="typst"))
            match answer:
                case Printed():
                    pass
                case Unprintable() | Broken():
                    raise _Stopped(answer)
                case Rendered():
                    raise _Stopped(_misunderstood(answer))

    async def _ask(self, order: Order) -> Answer:
        async with self._room:
            press = self._idle.pop() if self._idle else await _start()
            kept = False
            try:
                answer = await _said(press.process, order)
                press.orders += 1
                kept = not isinstance(answer, Broken) and press.orders < _ORDERS
            finally:
                if kept:
                    self._idle.append(press)
                else:
                    await _end(press)
            return answer


def _rendered(answer: Answer) -> Rendered | Broken:
    match answer:
        case Rendered() | Broken():
            return answer
        case Printed() | Unprintable():
            return _misunderstood(answer)


def _misunderstood(answer: Answer) -> Broken:
    return Broken(f"the rendering process answered {answer.kind!r}")


def _answer(stopped: BaseExceptionGroup[_Stopped]) -> Unprintable | Broken:
    first = stopped.exceptions[0]
    return _answer(first) if isinstance(first, BaseExceptionGroup) else first.answer


async def _start() -> _Press:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "storage.exports.press",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_LONGEST_ANSWER,
        # What a library may start is ended with it.
        start_new_session=True,
    )
    return _Press(process)


async def _said(press: asyncio.subprocess.Process, order: Order) -> Answer:
    assert press.stdin is not None  # noqa: S101 (both were asked for)
    assert press.stdout is not None  # noqa: S101
    try:
        press.stdin.write(ORDER.dump_json(order) + b"\n")
        await press.stdin.drain()
        line = await press.stdout.readline()
    except (BrokenPipeError, ConnectionResetError):
        line = b""
    return ANSWER.validate_json(line) if line else Broken("the rendering process died")


async def _end(press: _Press) -> None:
    process = press.process
    assert process.stdin is not None  # noqa: S101 (it was asked for)
    process.stdin.close()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())
