"""Group commit: all waiting operations share one transaction, in the order requested.

One durable commit costs the same for one operation as for hundreds; at 16 callers that is a factor of ten.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, TypeVar

import structlog

from pipeline.errors import TryAgain
from pipeline.supervision import SupervisedLoop
from pipeline.text.i18n import Sentence
from storage.database.failures import is_separable
from storage.turns.operations import Operation

R = TypeVar("R")

_Waiting = tuple[Operation[Any], asyncio.Future[Any]]

_MOST = 512
"""Operations in one transaction at the most."""

_PAUSE = 0.1
"""Seconds before writing is begun again: callbacks wait for it."""

_SPLIT_SECONDS = 1.0
"""For how long a batch is split though the database says that it is away: each try may take a time-out."""
_MOST_FAILURES = 12
"""As often it fails down to a single operation, and a few times more."""

log = structlog.get_logger()


class GroupCommitWriter:
    """One task that takes everything waiting, applies it in one transaction, and hands out the results.

    `apply` returns for each operation what the operation's type says, or an exception. `given_up` is told of a batch
    that might have been split and was not, with the code of the error.
    """

    def __init__(
        self,
        apply: Callable[[Sequence[Any]], Awaitable[Sequence[object]]],
        *,
        given_up: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._apply = apply
        self._given_up = given_up
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
            # What is asked for in the same step of the loop shares the transaction, too.
            await asyncio.sleep(0)
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
                _settle(future, TryAgain(Sentence("reason.writer_broke")))
            raise

    async def _write(self, batch: list[_Waiting], splitting: "_Splitting | None" = None) -> None:
        splitting = splitting or _Splitting()
        try:
            results = await self._apply([operation for operation, _ in batch])
        except Exception as error:  # noqa: BLE001 -- the edge of a step: those who asked get the error
            splitting.failures += 1
            if len(batch) == 1 or not splitting.helps(error):
                if len(batch) > 1 and isinstance(error, TryAgain) and is_separable(error.code):
                    self._given_up(error.code)
                for _, future in batch:
                    _settle(future, error)
                return
            # One bad operation must not take its neighbours down. Halves, in their order: one that is to blame among
            # 512 costs 18 transactions more, not 512.
            log.warning("batch_split", operations=len(batch), error=str(error))
            if isinstance(error, TryAgain):
                batch = [(operation.repeated(), future) for operation, future in batch]
            middle = len(batch) // 2
            await self._write(batch[:middle], splitting)
            await self._write(batch[middle:], splitting)
            return
        splitting.failures = 0
        for (_, future), result in zip(batch, results, strict=True):
            _settle(future, result)


class _Splitting:
    """Whether it helps to write the operations of a batch apart: not where the database is away for all of them."""

    def __init__(self) -> None:
        self.failures = 0
        """One after the other."""
        self._until = monotonic() + _SPLIT_SECONDS

    def helps(self, error: Exception) -> bool:
        if not isinstance(error, TryAgain):
            return True
        return is_separable(error.code) and self.failures <= _MOST_FAILURES and monotonic() < self._until


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
