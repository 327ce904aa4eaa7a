"""What answers people under one reading of the settings and the chains: immutable, and swapped in atomically.

A turn ends on the generation it began with: no edit changes half a turn. An edit of chains makes a generation with
the same models; an edit of the settings opens others, and the former connections are closed after the last turn
that uses them, or when that should long have ended.
"""

import asyncio
from dataclasses import dataclass, field, replace

import structlog

from chains.catalog.catalog import ChainCatalog
from chains.router import AnswerServices, Chains
from pipeline.events import InboundEvent
from pipeline.settings import Settings
from pipeline.turn import Turns
from pipeline.turn_state import Turn, Verdict

log = structlog.get_logger()

_SPARE_SECONDS = 30.0
"""Given to a former generation beyond what one answer may take; what is then still to be sent needs no model."""


@dataclass
class LatestEdit:
    """What became of the latest edit of the settings files; the console and `/readyz` show it."""

    refused: tuple[str, ...] = ()
    """What is wrong with it: the previous settings stay in force."""
    waiting: tuple[str, ...] = ()
    """Keys that hold from the next start on."""


@dataclass(frozen=True)
class Generation:
    """The settings, the chains and models that answer under them, and the turns they carry out."""

    settings: Settings
    chains: Chains
    turns: Turns

    @property
    def catalog(self) -> ChainCatalog:
        """Return the chains that answer."""
        return self.chains.catalog

    def with_catalog(self, catalog: ChainCatalog) -> "Generation":
        """Return the same settings and models with other chains."""
        chains = self.chains.with_catalog(catalog)
        return replace(self, chains=chains, turns=self.turns.with_answerer(chains))


@dataclass(eq=False)
class _Use:
    """How many turns use what one reading of the settings opened."""

    running: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once former services have no turn any more."""


class Generations:
    """Has each turn carried by the generation that is served when it begins."""

    def __init__(self, first: Generation) -> None:
        self.now = first
        self._uses: dict[AnswerServices, _Use] = {first.chains.services: _Use()}
        self._draining: dict[AnswerServices, asyncio.Task[None]] = {}

    @property
    def draining(self) -> int:
        """Return how many former readings of the settings still carry turns."""
        return len(self._draining)

    async def run(self, turn: Turn) -> Verdict:
        """Carry a turn as far as it goes now."""
        generation = self.now
        services = generation.chains.services
        use = self._uses[services]
        use.running += 1
        try:
            return await generation.turns.run(turn)
        finally:
            use.running -= 1
            if not use.running and services is not self.now.chains.services:
                use.idle.set()

    def urgent(self, event: InboundEvent) -> bool:
        """Whether an event must not wait behind the person's other turns."""
        return self.now.chains.urgent(event)

    def serve(self, catalog: ChainCatalog) -> None:
        """Make a catalogue answer every turn that begins from now on."""
        if catalog is not self.now.catalog:
            self.now = self.now.with_catalog(catalog)

    def replace(self, fresh: Generation) -> None:
        """Make another generation take every turn that begins from now on; atomic, nothing here waits."""
        former, self.now = self.now, fresh
        self._uses[fresh.chains.services] = _Use()
        services = former.chains.services
        if not self._uses[services].running:
            self._uses[services].idle.set()
        self._draining[services] = asyncio.create_task(self._drain(former), name="generation")

    async def close(self) -> None:
        """Close everything, of former generations too."""
        leaving, self._draining = self._draining, {}
        for task in leaving.values():
            task.cancel()
        await asyncio.gather(*leaving.values(), return_exceptions=True)
        for services in (*leaving, self.now.chains.services):
            await services.aclose()

    async def _drain(self, former: Generation) -> None:
        services, patience = former.chains.services, former.settings.limits.turn_seconds + _SPARE_SECONDS
        use = self._uses[services]
        try:
            async with asyncio.timeout(patience):
                await use.idle.wait()
        except TimeoutError:
            log.warning("former_models_closed_early", turns=use.running, seconds=patience)
        try:
            await services.aclose()
        except Exception:  # the edge of a step: connections nobody uses must not keep the generation from going
            log.exception("former_models_not_closed")
        self._draining.pop(services, None)
        self._uses.pop(services, None)
