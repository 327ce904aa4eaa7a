"""Group commit: all waiting operations share one transaction, in the order requested.

One durable commit costs the same for one operation as for hundreds; at 16 callers that is a factor of ten.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import structlog

from pipeline.errors import TryAgain
from pipeline.supervision import SupervisedLoop
from storage.turns.operations import Operation

R = TypeVar("R")

_Waiting = tuple[Operation[Any], asyncio.Future[Any]]

_MOST = 512
"""Operations in one transaction at the most."""

_PAUSE = 0.1
"""Seconds before writing is begun again: callbacks wait for it."""

log = structlog.get_logger()


class GroupCommitWriter:
    """One task that takes everything waiting, applies it in one transaction, and hands out the results.

    `apply` returns for each operation what the operation's type says, or an exception.
    """

    def __init__(self, apply: Callable[[Sequence[Any]], Awaitable[Sequence[object]]]) -> None:
        self._apply = apply
        self._waiting: deque[_Waiting] = deque()
        self._alone: deque[_Waiting] = deque()
        """What is written in a transaction of its own, each after a batch of the others."""
        self._some = asyncio.Event()
        self._ending = False
        self.loop = SupervisedLoop("writer", self._run, first_pause=_PAUSE)

    def start(self) -> None:
        """Begin writing."""
        self._ending = False
        self.loop.start()

    async def stop(self) -> None:
        """Write what waits and what is being written, then end."""
        self._ending = True
        self._some.set()
        await self.loop.finish()

    def post(self, operation: Operation[R], *, alone: bool = False) -> asyncio.Future[R]:
        """Ask for an operation; its result is set once it is committed, or what the database or it raised.

        One that is written `alone` shares its transaction with no other. Cancelling the future does not take the
        operation back: it may be in a transaction already.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        (self._alone if alone else self._waiting).append((operation, future))
        self._some.set()
        return future

    async def ask(self, operation: Operation[R], *, alone: bool = False) -> R:
        """Return once the operation is committed; raises what `post` says."""
        return await self.post(operation, alone=alone)

    async def _run(self) -> None:
        while self._waiting or self._alone or not self._ending:
            await self._some.wait()
            batch = [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]
            await self._write_or_settle(batch)
            if self._alone:
                await self._write_or_settle([self._alone.popleft()])
            if not (self._waiting or self._alone or self._ending):
                self._some.clear()

    async def _write_or_settle(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        try:
            await self._write(batch)
        except BaseException:
            # Those who asked must not wait for ever for a loop that has ended.
            for _, future in batch:
                _settle(future, TryAgain("the writer broke"))
            raise

    async def _write(self, batch: list[_Waiting]) -> None:
        try:
            results = await self._apply([operation for operation, _ in batch])
        except TryAgain as error:
            # The database is away; asking it again for each would only take as many time-outs.
            for _, future in batch:
                _settle(future, error)
            return
        except Exception as error:  # noqa: BLE001 -- the edge of a step: the asker gets the error
            if len(batch) == 1:
                _settle(batch[0][1], error)
                return
            # One bad operation must not take its neighbours down. Halves, in their order: one that is to blame among
            # 512 costs 18 transactions more, not 512.
            log.warning("batch_split", operations=len(batch), error=str(error))
            middle = len(batch) // 2
            await self._write(batch[:middle])
            await self._write(batch[middle:])
            return
        for (_, future), result in zip(batch, results, strict=True):
            _settle(future, result)


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
