"""Asking a chain outside the service: what is sent, what comes back, how long it took; remembered by content."""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chains.catalog.config import ChainConfig
from chains.conversation.generated import GeneratedAnswer
from chains.conversation.generation import AnswerGenerator
from chains.conversation.request import ModelRequest
from chains.conversation.tool_loop import CompletedRound
from chains.models.errors import failure_sentence
from chains.models.registry import ModelRegistry
from chains.models.response import ModelCall
from chains.tools.draw_picture import NAME as DRAW
from chains.toolset import ToolRegistry
from pipeline.answer import Cut, Exchange, Notice, PartialAnswer, ToolUse
from pipeline.errors import AnswerFailed, ChainInvalid, SettingsInvalid
from pipeline.events import InboundEvent, Person, Text
from pipeline.ports import AnswerRequest, ChannelCapabilities
from pipeline.settings import Chat
from pipeline.text.folding import casefold_nfkc
from pipeline.text.i18n import Catalogue, Sentence, joined_sentences

TRIAL_PERSON = Person("try", "somebody")

TOOL_SERVER_SECONDS = 60.0
"""How long a trial waits for a server whose tools it needs; the service has connected before anybody asks."""

CHANNEL_CHAINS = frozenset({"default"})
"""The chains that channels have as their own, where the settings name none."""

TRIAL_CAPABILITIES = ChannelCapabilities(message_bytes=2048, streams=True)


@dataclass(frozen=True, slots=True)
class TrialAnswer:
    """What came of one question; `error` says in one line why there is no answer, `cached` that nobody was asked."""

    text: str = ""
    model: str = ""
    """The provider's name for the model that answered."""
    table: str = ""
    """Its table in the settings: a fallback's, where one stood in."""
    asked: str = ""
    """The table of the model that was asked."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    """In millionths, at today's price; also where nobody was asked this time."""
    milliseconds: int = 0
    first_milliseconds: int = 0
    error: str = ""
    cut: Cut = ""
    """Why the answer is not whole."""
    stood_in: bool = False
    """Whether a fallback answered, and not the model of the chain."""
    cached: bool = False
    tools: tuple[ToolUse, ...] = ()
    """What was used on the way, in order."""
    calls: tuple[ModelCall, ...] = ()
    """What it took, one message of a model after the other."""

    @property
    def unfit(self) -> tuple[str, ...]:
        """Return why it says nothing of the model that was asked: another gave it, or it is not whole."""
        stood_in = Sentence("trial.stood_in", asked=self.asked, table=self.table, model=self.model)
        return (
            *([stood_in] if self.stood_in else []),
            *([Sentence(f"trial.cut_{self.cut}")] if self.cut else []),
        )


@dataclass(frozen=True, slots=True)
class ToolTrace:
    """A tool that was used while a question is answered, and what the model was told of it."""

    use: ToolUse
    output: str


@dataclass(frozen=True)
class AnswerCache:
    """Answers already paid for, one file each, by what was asked; they may be thrown away at any time."""

    folder: Path | None = None
    since: float = 0.0
    """When what is asked was read, in seconds since 1970; 0 for when it is kept. Who is forgotten later is in it."""
    job: str = ""
    """The job whose answers alone these are; empty for those of all trials."""

    def find(self, key: str) -> TrialAnswer | None:
        """Return an answer kept, None for none. Reads a file."""
        file = self._file(key)
        try:
            return _read(json.loads(file.read_text(encoding="utf-8"))) if file else None
        except (OSError, ValueError, TypeError, KeyError):
            # Missing, half written, or of an earlier version: the model is asked again.
            return None

    def keep(self, key: str, tried: TrialAnswer) -> None:
        """Keep an answer. Writes a file."""
        if (file := self._file(key)) is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(asdict(tried), ensure_ascii=False), encoding="utf-8")
            if self.since:
                os.utime(file, (self.since, self.since))

    def _file(self, key: str) -> Path | None:
        return self.folder / f"{self.job}{key}.json" if self.folder is not None else None


def describe_use(use: ToolUse) -> Sentence:
    """Return in one line what a tool was used for and how that ended."""
    outcome = "pretended" if use.name == DRAW and use.outcome == "done" else use.outcome
    asked = " ".join(f"{use.name} {use.arguments}".split())
    return Sentence(f"trial.tool_{outcome}", asked=asked, milliseconds=use.milliseconds)


def _read(kept: dict[str, Any]) -> TrialAnswer:
    tools = tuple(ToolUse(**use) for use in kept["tools"])
    calls = tuple(ModelCall(**call) for call in kept["calls"])
    # What an earlier version kept may lack what tells a fallback's answer from the model's.
    known = {field.name: kept[field.name] for field in fields(TrialAnswer)}
    return TrialAnswer(**{**known, "tools": tools, "calls": calls, "cached": True})


def _now() -> datetime:
    return datetime.now(UTC)


class ChainTester:
    """Asks chains questions as the service does, so many at once."""

    def __init__(
        self,
        models: ModelRegistry,
        chat: Chat,
        catalogue: Catalogue,
        tool_registry: ToolRegistry | None = None,
        answers: AnswerCache | None = None,
        at_once: int = 4,
        clock: Callable[[], datetime] = _now,
        channel_chains: Collection[str] = CHANNEL_CHAINS,
    ) -> None:
        """Make a tester; `channel_chains` are the chains that channels have as their own."""
        self.models = models
        self.tool_registry = tool_registry or ToolRegistry({})
        self._generator = AnswerGenerator(models, chat, catalogue, self.tool_registry, tool_seconds=TOOL_SERVER_SECONDS)
        self._answers = answers or AnswerCache()
        self._clock = clock
        self._channel_chains = channel_chains
        self._slots = asyncio.Semaphore(at_once)

    async def prepare(self, chain: ChainConfig, question: str, exchanges: Sequence[Exchange] = ()) -> ModelRequest:
        """Return what the chain's model is asked at first; waits for servers whose tools it is offered."""
        event = InboundEvent("try", TRIAL_PERSON, Text(question), self._clock())
        ask = AnswerRequest(event, TRIAL_CAPABILITIES, trace="try", chain=chain.name)
        called = is_called(chain, question, self._channel_chains)
        return await self._generator.prepare(chain, question, ask, called=called, exchanges=exchanges)

    async def ask(self, chain: ChainConfig, question: str, exchanges: Sequence[Exchange] = ()) -> TrialAnswer:
        """Ask a question and wait for the whole answer; what was asked before costs nothing."""
        request = await self.prepare(chain, question, exchanges)
        key = self._key(request)
        async with self._slots:
            if (known := await asyncio.to_thread(self._answers.find, key)) is not None:
                return self._priced(known)
            tried = TrialAnswer()
            async with aclosing(self.stream(request)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, TrialAnswer):
                        tried = piece
            if is_worth_keeping(tried):
                await asyncio.to_thread(self._answers.keep, key, tried)
            return tried

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ToolTrace | TrialAnswer]:
        """Yield what is said as it is said, the tools used in between, and at the end what came of it."""
        shown = ""
        async with aclosing(self._generator.run(request)) as steps:
            async for step in steps:
                match step:
                    case PartialAnswer(text):
                        if text.startswith(shown):
                            yield text[len(shown) :]
                            shown = text
                    case CompletedRound():
                        shown = ""
                        for result in step.tools:
                            yield ToolTrace(result.use, result.message.text)
                    case Notice():
                        pass
                    case GeneratedAnswer():
                        yield self._priced(_trial_answer(step, asked=request.model))

    def _priced(self, tried: TrialAnswer) -> TrialAnswer:
        cost = sum(
            self.models.price(call.table).cost(call.input_tokens, call.output_tokens, cached=call.cached_tokens)
            for call in tried.calls
        )
        return replace(tried, cost=cost)

    def _key(self, request: ModelRequest) -> str:
        asked: list[object] = [self.models.identity(request.model), dict(request.options), request.transcript()]
        if request.tools:
            # What tools say changes with time: an answer that may lean on them is good for the day it was given.
            day = request.ask.event.sent_at.astimezone().date().isoformat()
            asked += [[offer.schema for offer in request.tools.values()], day]
        return hashlib.sha256(json.dumps(asked, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def is_worth_keeping(tried: TrialAnswer) -> bool:
    """Whether an answer is the model's own and whole: what failed now may not fail the next time."""
    return not (tried.error or tried.unfit) and all(use.outcome in {"done", "refused"} for use in tried.tools)


def is_called(chain: ChainConfig, question: str, channel_chains: Collection[str]) -> bool:
    """Whether a question reaches a chain because it was called, so that it speaks for itself as in the service.

    The chain of a channel answers without being called, unless the question has one of its keywords.
    """
    if chain.command or chain.name not in channel_chains:
        return True
    looked_at = casefold_nfkc(question)
    return any(casefold_nfkc(keyword) in looked_at for keyword in chain.keywords)


def failed_trial(error: ChainInvalid | SettingsInvalid) -> TrialAnswer:
    """Return what came of a question that could not be asked."""
    return TrialAnswer(error=joined_sentences(error.problems))


def _why(failure: AnswerFailed | None, *, asked: str) -> str:
    if failure is None:
        return ""
    said = failure_sentence(failure)
    # What is wrong with the settings names its place itself.
    return said if failure.reason == "model.setup" else Sentence("trial.model_failed", model=asked, said=said)


def _trial_answer(generated: GeneratedAnswer, *, asked: str) -> TrialAnswer:
    return TrialAnswer(
        text="" if generated.failure is not None else generated.text,
        model=generated.model,
        table=generated.table,
        asked=asked,
        cut=generated.cut,
        stood_in=generated.failure is None and any(call.table != asked for call in generated.calls),
        input_tokens=sum(call.input_tokens for call in generated.calls),
        output_tokens=sum(call.output_tokens for call in generated.calls),
        milliseconds=generated.milliseconds,
        first_milliseconds=generated.first_milliseconds,
        error=_why(generated.failure, asked=asked),
        tools=generated.tools,
        calls=generated.calls,
    )
