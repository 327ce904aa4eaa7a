"""A stand-in for `pipeline/turn.py`: each turn does what its text says, and every step is written down."""

import asyncio
from collections import defaultdict

from pipeline.answer import Outcome
from pipeline.events import Text
from pipeline.ports import TurnLog
from pipeline.replies import Receipt, TextPart
from pipeline.turn_state import (
    Finished,
    Postponed,
    Turn,
    Verdict,
)


class ScriptedRun:
    """Answers at once; `hold` makes it wait for `gate`, `later` puts the turn off once, `break` raises."""

    def __init__(self, journal: TurnLog, beside: "ScriptedRun | None" = None) -> None:
        self._journal = journal
        # Two workers that stand in for two processes note what they do in one book.
        self.asked: dict[str, list[str]] = beside.asked if beside else defaultdict(list)
        """What the model was asked, by lane."""
        self.sent: dict[str, list[str]] = beside.sent if beside else defaultdict(list)
        """What left, by lane."""
        self.gate = asyncio.Event()
        self.changed: asyncio.Condition = beside.changed if beside else asyncio.Condition()
        self._together: set[str] = set()

    async def __call__(self, turn: Turn) -> Verdict:
        assert turn.lane not in self._together, "two turns of one lane at once"
        self._together.add(turn.lane)
        try:
            return await self._run(turn)
        finally:
            self._together.discard(turn.lane)

    async def until_sent(self, count: int, within: float = 30.0) -> None:
        """Wait for so many answers in all."""
        async with asyncio.timeout(within), self.changed:
            await self.changed.wait_for(lambda: sum(map(len, self.sent.values())) >= count)

    async def until_asked(self, count: int, within: float = 30.0) -> None:
        """Wait until so many turns have begun."""
        async with asyncio.timeout(within), self.changed:
            await self.changed.wait_for(lambda: sum(map(len, self.asked.values())) >= count)

    async def _run(self, turn: Turn) -> Verdict:
        content = turn.event.content
        assert isinstance(content, Text)
        words = content.text
        if turn.parts is None:
            await self._note(self.asked, turn.lane, words)
            if words.startswith("hold"):
                await self.gate.wait()
            if words.startswith("later") and not turn.attempts:
                return Postponed(0.05, "not yet")
            turn = await self._journal.answered(turn, Outcome(()), [TextPart(f"re: {words}", "text")])
        assert turn.parts
        await self._journal.ensure_owned(turn)
        await self._note(self.sent, turn.lane, words)
        return Finished("done", (turn.parts[-1], Receipt("m1")))

    async def _note(self, where: dict[str, list[str]], lane: str, words: str) -> None:
        async with self.changed:
            where[lane].append(words)
            self.changed.notify_all()
