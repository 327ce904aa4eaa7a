"""A bounded pool of rendering processes; ends those that hang or are no longer needed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import structlog

from exports.workers.messages import REQUEST, RESPONSE, Rendered, RenderFailed, RenderRequest, Response
from exports.workers.process import ForkServer, RenderProcess, open_fork_server
from exports.workers.workdir import WorkDir

log = structlog.get_logger()

_SHARE = 0.6
"""Of its time, what pages may take: then there is enough left for a web page."""
_ORDERS = 40
"""After so many orders a process is replaced: MuPDF keeps some of what it once took."""


class _Stopped(Exception):
    """A part could not be printed, so the others need not be."""

    def __init__(self, answer: RenderFailed) -> None:
        super().__init__()
        self.answer = answer


class RenderPool:
    """Keeps up to so many `processes` while there is something to render; with `keep`, until it is closed.

    Whoever has several parts gets no more than a turn for each of them: a short document does not wait for a long one.
    A `fork_server` that is open already belongs to the pool from then on.
    """

    def __init__(self, *, processes: int, keep: bool, seconds: float, fork_server: ForkServer | None = None) -> None:
        self.processes = processes
        self._places = asyncio.Semaphore(processes)
        self._fork_server = fork_server
        self._opening = asyncio.Lock()
        self._idle: list[RenderProcess] = []
        self._keep = keep
        self._busy = 0
        self._seconds = seconds

    async def render(self, order: RenderRequest) -> Response:
        """Render documents; what takes too long, or dies, is `RenderFailed`. Without pages there is a web page."""
        async with self._opened():
            try:
                async with asyncio.timeout(self._seconds):
                    if order.format == "pdf":
                        return await self._pages_or_html(order)
                    return await self._ask(order)
            except TimeoutError:
                return RenderFailed(f"not done after {self._seconds:g} s")

    async def close(self) -> None:
        """End every process."""
        self._end_idle()
        fork_server, self._fork_server = self._fork_server, None
        if fork_server is not None:
            await fork_server.close()

    def _end_idle(self) -> None:
        while self._idle:
            self._idle.pop().end()

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[None]:
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy and not self._keep:
                await self.close()

    async def _pages_or_html(self, order: RenderRequest) -> Response:
        seconds = self._seconds * _SHARE
        try:
            async with asyncio.timeout(seconds):
                made = await self._pages(order)
        except TimeoutError:
            made = RenderFailed(f"no pages after {seconds:g} s")
        if isinstance(made, Rendered):
            return made
        page = await self._ask(replace(order, format="html"))
        return page if isinstance(page, RenderFailed) else replace(page, plainer=made.reason)

    async def _pages(self, order: RenderRequest) -> Response:
        failed: list[RenderFailed] = []
        parts = await asyncio.to_thread(WorkDir(Path(order.folder)).parts)
        left = iter(parts)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.processes, len(parts))):
                    group.create_task(self._print(order, left))
        except* _Stopped as stopped:
            failed = [each.answer for each in stopped.exceptions if isinstance(each, _Stopped)]
        if failed:
            return failed[0]
        if len(parts) > _ORDERS:
            # Binding takes memory, and what the others have kept is not needed beside it.
            self._end_idle()
        return await self._ask(order)

    async def _print(self, order: RenderRequest, left: Iterator[str]) -> None:
        for part in left:
            wanted = replace(order, part=part)
            answer = await self._ask(wanted)
            if isinstance(answer, RenderFailed) and not answer.incomplete and order.engine == "auto":
                # What the process died of may have been the engine.
                log.warning("export_press_died", part=part, reason=answer.reason)
                answer = await self._ask(replace(wanted, engine="markdown-pdf"))
            if isinstance(answer, RenderFailed):
                raise _Stopped(answer)

    async def _ask(self, order: RenderRequest) -> Response:
        async with self._places:
            process = self._idle.pop() if self._idle else await self._fresh(order)
            kept = False
            try:
                said = await process.ask(REQUEST.dump_json(order))
                answer = RESPONSE.validate_json(said) if said else RenderFailed("the rendering process died")
                is_well = isinstance(answer, Rendered) or answer.incomplete
                kept = is_well and process.orders < _ORDERS
            finally:
                if kept:
                    self._idle.append(process)
                else:
                    process.end()
            return answer

    async def _fresh(self, order: RenderRequest) -> RenderProcess:
        async with self._opening:
            if self._fork_server is not None and self._fork_server.is_gone:
                await self.close()
            if self._fork_server is None:
                self._fork_server = await open_fork_server(pages=order.format == "pdf")
            return await self._fork_server.fork()
