"""A house around the chains under test: a memory in memory, a stopper that counts, settings by keyword."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chains.catalog.catalog import ChainCatalog, build_catalog
from chains.catalog.config import ChainConfig
from chains.catalog.requirements import ChainRequirements
from chains.commands import all_commands
from chains.router import Chains, open_chains
from pipeline.answer import (
    Conversation,
    ConversationContext,
    Exchange,
    ExchangeRecorded,
    ImageReceived,
    Notice,
    Outcome,
    PartialAnswer,
)
from pipeline.events import Content, InboundEvent, Person, Text
from pipeline.ports import Answerer, AnswerRequest, AudioStore, ChannelCapabilities, ImageStore, Spending
from pipeline.replies import TextReply
from pipeline.settings import Settings

ALICE = Person("wecom", "alice")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PLAIN_CHAIN = ChainConfig(name="default")
"""A chain that adds nothing to what a test says."""


@dataclass
class RecentMemory:
    """Remembers one person, and for how much it was asked."""

    exchanges: tuple[Exchange, ...] = ()
    persona: str = ""
    conversation: Conversation | None = None
    past: tuple[Conversation, ...] = ()
    pictures: tuple[ImageReceived, ...] = ()
    model: str = ""
    forget_asked_at: datetime | None = None
    answers: bool = False
    """Whether a model has answered."""
    recalled: list[tuple[Person, int, int]] = field(default_factory=list)

    async def load(self, person: Person, *, turns: int, idle_minutes: int) -> ConversationContext:
        self.recalled.append((person, turns, idle_minutes))
        latest = self.exchanges[-turns:] if turns else ()
        return ConversationContext(
            self.persona, self.conversation, latest, self.pictures, self.model, self.forget_asked_at
        )

    async def conversations(self, person: Person, *, limit: int) -> Sequence[Conversation]:
        assert person == ALICE
        return self.past[:limit]

    async def answered(self, chat: Person, sender: Person) -> bool:
        assert (chat, sender) == (ALICE, ALICE)
        return self.answers


@dataclass
class CountingStopper:
    """Stops whoever is running."""

    running: set[Person] = field(default_factory=set)

    async def stop(self, person: Person) -> bool:
        found = person in self.running
        self.running.discard(person)
        return found


@dataclass
class ChainsHarness:
    """The chains with what they were given."""

    chains: Chains
    memory: RecentMemory
    stopper: CountingStopper

    async def steps(self, content: Content | str, *, streams: bool = False) -> list[PartialAnswer | Notice | Outcome]:
        answerer: Answerer = self.chains
        return [step async for step in answerer.answer(ask(content, streams=streams))]

    async def outcome(self, content: Content | str, *, streams: bool = False) -> Outcome:
        last = (await self.steps(content, streams=streams))[-1]
        assert isinstance(last, Outcome)
        return last

    async def said(self, content: Content | str) -> str:
        """Give the one text that answers."""
        (reply,) = (await self.outcome(content)).replies
        assert isinstance(reply, TextReply)
        return reply.text


def ask(content: Content | str, *, streams: bool = False) -> AnswerRequest:
    event = InboundEvent("key-1", ALICE, Text(content) if isinstance(content, str) else content, NOON)
    return AnswerRequest(event, ChannelCapabilities(2048, streams=streams), trace="7")


def remembered(outcome: Outcome) -> ExchangeRecorded:
    """Give what an answer leaves behind."""
    (change,) = outcome.changes
    assert isinstance(change, ExchangeRecorded)
    return change


def catalog_of(catalog: ChainCatalog) -> Callable[[ChainRequirements], ChainCatalog]:
    """Return what reads chains that are in no file."""

    def read(requirements: ChainRequirements) -> ChainCatalog:
        checked = build_catalog(
            catalog.chains, previous={}, check=requirements.check, reserved=all_commands().words, problems=()
        )
        return checked.with_trials(catalog.trials)

    return read


@asynccontextmanager
async def open_chains_harness(  # noqa: PLR0913 (each is something a test may set)
    base_url: str = "",
    *,
    memory: RecentMemory | None = None,
    chain: ChainConfig = PLAIN_CHAIN,
    catalog: ChainCatalog | None = None,
    chat: dict[str, Any] | None = None,
    models: dict[str, Any] | None = None,
    pictures: ImageStore | None = None,
    sounds: AudioStore | None = None,
    spending: Spending | None = None,
    budgets: dict[str, Any] | None = None,
    mcp: dict[str, Any] | None = None,
    **options: object,
) -> AsyncIterator[ChainsHarness]:
    """Open the chains; with an address, `models.default` is a model there, else the demo."""
    default = {"model": "test-model", "base_url": base_url, "max_retries": 0, **options} if base_url else options
    settings = Settings.model_validate(
        {
            "models": {"default": default, **(models or {})},
            "chat": chat or {},
            "budgets": budgets or {},
            "mcp": mcp or {},
        }
    )
    memory = memory or RecentMemory()
    stopper = CountingStopper()
    catalog = catalog or ChainCatalog({"default": chain})
    # Opening reads files, which is not for the event loop.
    chains = await asyncio.to_thread(
        open_chains,
        settings,
        memory=memory,
        stopper=stopper,
        read_catalog=catalog_of(catalog),
        pictures=pictures,
        sounds=sounds,
        spending=spending,
    )
    try:
        yield ChainsHarness(chains, memory, stopper)
    finally:
        await chains.aclose()
