"""Writes what must not be lost, however long the database is away, and finds out when it is not the database."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import structlog

from pipeline.errors import TryAgain, WriteRefused
from pipeline.text.i18n import Sentence
from pipeline.turn_state import (
    Postponed,
    Turn,
)
from storage.turns.group_commit import GroupCommitWriter
from storage.turns.operations import Operation, Postpone
from storage.turns.readiness import WriteOutcomes

R = TypeVar("R")

log = structlog.get_logger()

_LAST_SECONDS = 15.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_MOST_BLAMED = 8
"""Failures, each while others' writes passed, after which an operation is refused: some 16 s."""
_NEVER_BLAMED = ("53", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_NOMEM")
"""Codes, by their beginning, of a disk or a memory that is full: smaller writes pass long before larger ones."""


class InsistentWriter:
    """Asks a writer again and again; `doubt` is called when it is not known whether something was written."""

    def __init__(
        self,
        writer: GroupCommitWriter,
        outcomes: WriteOutcomes,
        *,
        doubt: Callable[[], None],
        pauses: tuple[float, float] = (_FIRST_PAUSE, _LONGEST_PAUSE),
    ) -> None:
        self._writer = writer
        self._outcomes = outcomes
        self._doubt = doubt
        self._pauses = pauses

    async def write(self, operation: Operation[R]) -> R:
        """Write, however long the database is away: what has been done is not done again for want of a note.

        An operation that failed while others' were written is written alone from then on, so that it takes nobody
        with it.

        Raises:
            WriteRefused: the database does not take it, or never did while it took what others wrote.
        """
        (pause, longest), blamed = self._pauses, 0
        while True:
            written = self._outcomes.written
            try:
                return await self._writer.ask(operation, alone=blamed > 0)
            except TryAgain as error:
                log.warning("write_waits", operation=type(operation).__name__, error=str(error))
                operation = operation.repeated()
                self._doubt()
                await asyncio.sleep(pause)
                pause = min(pause * 2, longest)
                blamed += self._outcomes.written > written
                if blamed >= _MOST_BLAMED and not error.code.startswith(_NEVER_BLAMED):
                    said = Sentence("reason.only_this_refused", said=str(error))
                    raise WriteRefused(said, code=error.code) from error

    async def write_to_the_end(self, operation: Operation[R]) -> R:
        """Write though we are cancelled meanwhile: a verdict half known would leave the lane to nobody."""
        write = asyncio.ensure_future(self.write(operation))
        try:
            return await asyncio.shield(write)
        except asyncio.CancelledError:
            await asyncio.wait({write}, timeout=_LAST_SECONDS)
            if not write.done():
                write.cancel()
                raise
            return write.result()

    async def postpone(self, turn: Turn, verdict: Postponed) -> None:
        """Write that a turn is put off; without what its models took where that is refused."""
        try:
            await self.write_to_the_end(Postpone(turn, verdict))
        except WriteRefused as error:
            log.error("cost_not_recorded", trace=str(turn.id), reason=str(error))  # noqa: TRY400 -- the reason says it
            await self.write_to_the_end(Postpone(turn, replace(verdict, wasted=())))
