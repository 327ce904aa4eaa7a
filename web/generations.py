"""The objects built from one version of the settings. A reload builds the next generation and swaps it in atomically.

A turn is carried by the shift that took it: no edit changes half a turn. The former shift's connections are closed
after its last turn, or when that should long have ended.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from chains.router import Chains
from pipeline.events import InboundEvent
from pipeline.settings import Settings
from pipeline.turn import Turns
from pipeline.turn_state import (
    Turn,
    Verdict,
)

log = structlog.get_logger()

_SPARE_SECONDS = 30.0
"""Given to a former shift beyond what one answer may take; what is then still to be sent needs no model."""


@dataclass(eq=False)
class Generation:
    """What answers people, with the settings they were made of, and how many turns they carry now."""

    settings: Settings
    chains: Chains
    turns: Turns
    running: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while a former shift has nothing to do any more."""


class Generations:
    """Has each turn carried by the shift that is at work when it begins."""

    def __init__(self, first: Generation) -> None:
        self.now = first
        self._draining: dict[Generation, asyncio.Task[None]] = {}

    @property
    def draining(self) -> int:
        """How many former shifts still carry turns."""
        return len(self._draining)

    async def run(self, turn: Turn) -> Verdict:
        """Carry a turn as far as it goes now."""
        shift = self.now
        shift.running += 1
        try:
            return await shift.turns.run(turn)
        finally:
            shift.running -= 1
            if not shift.running and shift is not self.now:
                shift.idle.set()

    def urgent(self, event: InboundEvent) -> bool:
        """Whether an event must not wait behind the person's other turns."""
        return self.now.chains.urgent(event)

    def replace(self, fresh: Generation) -> None:
        """Make another generation take every turn that begins from now on; atomic, nothing here waits."""
        former, self.now = self.now, fresh
        fresh.chains.take_over(former.chains)
        if not former.running:
            former.idle.set()
        self._draining[former] = asyncio.create_task(self._drain(former), name="shift")

    async def close(self) -> None:
        """Close everything, of former shifts too."""
        leaving, self._draining = self._draining, {}
        for task in leaving.values():
            task.cancel()
        await asyncio.gather(*leaving.values(), return_exceptions=True)
        for shift in (*leaving, self.now):
            await shift.chains.aclose()

    async def _drain(self, former: Generation) -> None:
        patience = former.settings.limits.turn_seconds + _SPARE_SECONDS
        try:
            async with asyncio.timeout(patience):
                await former.idle.wait()
        except TimeoutError:
            log.warning("former_models_closed_early", turns=former.running, seconds=patience)
        try:
            await former.chains.aclose()
        except Exception:  # the edge of a step: connections nobody uses must not keep the shift from going
            log.exception("former_models_not_closed")
        self._draining.pop(former, None)
