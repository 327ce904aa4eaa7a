"""Asking a chain outside the service: what is sent, what comes back, how long it took; remembered by content."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage, ToolMessage

from chains.catalog.config import ChainConfig
from chains.catalog.templates import values
from chains.conversation import prompt
from chains.conversation.messages import build_messages
from chains.conversation.tool_loop import run_tool_loop
from chains.models.errors import to_answer_failed, word_of
from chains.models.registry import ModelRegistry
from chains.models.response import ModelResponse, final_response
from chains.tooling.executor import ToolExecutor
from chains.tooling.tool import BoundTool
from chains.tools.draw_picture import NAME as DRAW
from chains.toolset import ToolRegistry
from pipeline.answer import Exchange, PartialAnswer, ToolUse
from pipeline.events import InboundEvent, Person, Text
from pipeline.ports import AnswerRequest, ChannelCapabilities
from pipeline.settings import Chat
from pipeline.text.i18n import Catalogue

TRIAL_PERSON = Person("try", "somebody")

TOOL_SERVER_SECONDS = 60.0
"""How long a trial waits for a server whose tools it needs; the service has connected before anybody asks."""

_TRAITS = ChannelCapabilities(message_bytes=2048, streams=True)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A message of a model: its table in the settings, whose price it costs, and the provider's count of tokens."""

    table: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class TrialAnswer:
    """What came of one question; `error` says in one line why there is no answer, `cached` that nobody was asked."""

    text: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    """In millionths, at today's price; also where nobody was asked this time."""
    milliseconds: int = 0
    first_milliseconds: int = 0
    error: str = ""
    cached: bool = False
    tools: tuple[ToolUse, ...] = ()
    """What was used on the way, in order."""
    calls: tuple[ModelCall, ...] = ()
    """What it took, one message of a model after the other."""


@dataclass(frozen=True, slots=True)
class ToolTrace:
    """A tool that was used while a question is answered, and what the model was told of it."""

    use: ToolUse
    output: str


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """What a model is asked: the messages, what else the request says, and the tools it is offered."""

    ask: AnswerRequest
    messages: list[BaseMessage]
    options: dict[str, Any]
    tools: dict[str, BoundTool]

    def transcript(self) -> list[tuple[str, str]]:
        """Return the messages as roles and words."""
        roles = {"human": "user", "ai": "assistant"}
        return [(roles.get(message.type, message.type), message.text) for message in self.messages]


@dataclass(frozen=True)
class AnswerCache:
    """Answers already paid for, one file each, by what was asked; they may be thrown away at any time."""

    folder: Path | None = None

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

    def _file(self, key: str) -> Path | None:
        return self.folder / f"{key}.json" if self.folder is not None else None


def describe_use(use: ToolUse) -> str:
    """Return in one line what a tool was used for and how that ended."""
    pretended = " (no picture is drawn in a trial)" if use.name == DRAW and use.outcome == "done" else ""
    asked = " ".join(f"{use.name} {use.arguments}".split())
    return f"{asked}: {use.outcome}, {use.milliseconds} ms{pretended}"


def _read(kept: dict[str, Any]) -> TrialAnswer:
    tools = tuple(ToolUse(**use) for use in kept["tools"])
    calls = tuple(ModelCall(**call) for call in kept["calls"])
    return TrialAnswer(**{**kept, "tools": tools, "calls": calls, "cached": True})


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ChainTester:
    """Asks chains questions, so many at once, and gives them the tools they have in the service."""

    models: ModelRegistry
    chat: Chat
    catalogue: Catalogue
    tool_registry: ToolRegistry = field(default_factory=lambda: ToolRegistry({}))
    answers: AnswerCache = field(default_factory=AnswerCache)
    at_once: int = 4
    clock: Callable[[], datetime] = _now
    _room: asyncio.Semaphore = field(init=False)
    _toolless: set[str] = field(default_factory=set)
    """Models that refuse to be offered tools."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_room", asyncio.Semaphore(self.at_once))

    async def prepare(self, chain: ChainConfig, question: str, exchanges: Sequence[Exchange] = ()) -> PreparedRequest:
        """Return what the chain's model is asked at first; waits for servers whose tools it is offered."""
        at = self.clock()
        blanks = values(
            user=TRIAL_PERSON.user, channel=TRIAL_PERSON.channel, chain=chain.name, at=at, catalogue=self.catalogue
        )
        instead = self.chat.system_prompt if not chain.command else ""
        messages = build_messages(
            prompt.system_prompt(chain, blanks, self.catalogue, override=instead),
            prompt.examples_and_history(chain, exchanges, blanks),
            prompt.question(chain, question, blanks),
        )
        return PreparedRequest(
            AnswerRequest(
                InboundEvent("try", TRIAL_PERSON, Text(question), at), _TRAITS, trace="try", chain=chain.name
            ),
            messages,
            self.models.options(chain.model, prompt.options(chain, model=chain.model)),
            await self.tool_registry.bind(chain, _TRAITS, patience=TOOL_SERVER_SECONDS) if chain.tools else {},
        )

    async def ask(self, chain: ChainConfig, question: str, exchanges: Sequence[Exchange] = ()) -> TrialAnswer:
        """Ask a question and wait for the whole answer; what was asked before costs nothing."""
        sent = await self.prepare(chain, question, exchanges)
        key = self._key(chain, sent)
        async with self._room:
            if (known := await asyncio.to_thread(self.answers.find, key)) is not None:
                return self._priced(known)
            tried = TrialAnswer()
            async with aclosing(self.stream(chain, sent)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, TrialAnswer):
                        tried = piece
            # What a tool could not do now it may do the next time.
            if not tried.error and all(use.outcome in {"done", "refused"} for use in tried.tools):
                await asyncio.to_thread(self.answers.keep, key, tried)
            return tried

    async def stream(self, chain: ChainConfig, sent: PreparedRequest) -> AsyncGenerator[str | ToolTrace | TrialAnswer]:
        """Yield what is said as it is said, the tools used in between, and at the end what came of it."""
        toolbox = ToolExecutor({} if chain.model in self._toolless else sent.tools, sent.ask, self.catalogue)
        rounds: list[ModelResponse] = []
        messages = [*sent.messages]
        began = time.perf_counter()
        first = seen = 0
        shown = (0, "")
        error = ""
        try:
            model = await self.models.chat(chain.model)
            steps = run_tool_loop(model, messages, sent.options, toolbox, rounds, shown=lambda spoken: spoken.content)
            async with aclosing(steps):
                async for step in steps:
                    for tooled in _new_traces(toolbox, messages, seen):
                        yield tooled
                    seen = len(toolbox.uses)
                    if isinstance(step, PartialAnswer):
                        first = first or _since(began)
                        before = shown[1] if shown[0] == len(rounds) else ""
                        if step.text.startswith(before):
                            yield step.text[len(before) :]
                            shown = (len(rounds), step.text)
        except Exception as failed:  # noqa: BLE001 - providers and their libraries raise anything
            error = str(to_answer_failed(failed, model=chain.model))
        for tooled in _new_traces(toolbox, messages, seen):
            yield tooled
        if toolbox.refused:
            self._toolless.add(chain.model)
        yield self._priced(
            replace(
                self._answer_of(chain, rounds, toolbox, error), milliseconds=_since(began), first_milliseconds=first
            )
        )

    def _answer_of(
        self, chain: ChainConfig, rounds: list[ModelResponse], tool_executor: ToolExecutor, error: str
    ) -> TrialAnswer:
        text = model = ""
        if not error:
            heard = final_response(rounds)
            text = heard.parsed(whole=True).content or (
                self.catalogue.text("image.here") if tool_executor.images else ""
            )
            model = heard.model or chain.model
            error = "" if text else f"[models.{chain.model}]: empty answer, finished by {word_of(heard.finish)!r}"
        return TrialAnswer(
            text=text,
            model=model,
            input_tokens=sum(heard.input_tokens for heard in rounds),
            output_tokens=sum(heard.output_tokens for heard in rounds),
            error=error,
            tools=tuple(tool_executor.uses),
            calls=tuple(
                ModelCall(heard.table or chain.model, heard.input_tokens, heard.cached_tokens, heard.output_tokens)
                for heard in rounds
            ),
        )

    def _priced(self, tried: TrialAnswer) -> TrialAnswer:
        cost = sum(
            self.models.price(call.table).cost(call.input_tokens, call.output_tokens, cached=call.cached_tokens)
            for call in tried.calls
        )
        return replace(tried, cost=cost)

    def _key(self, chain: ChainConfig, sent: PreparedRequest) -> str:
        asked: list[object] = [self.models.identity(chain.model), sent.options, sent.transcript()]
        if sent.tools:
            # What tools say changes with time: an answer that may lean on them is good for the day it was given.
            day = sent.ask.event.sent_at.astimezone().date().isoformat()
            asked += [[offer.schema for offer in sent.tools.values()], day]
        return hashlib.sha256(json.dumps(asked, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _new_traces(tool_executor: ToolExecutor, messages: list[BaseMessage], seen: int) -> Iterator[ToolTrace]:
    """Return the uses after those `seen`, each with what the model was told of it."""
    told = [message.text for message in messages if isinstance(message, ToolMessage)]
    # Earlier exchanges have none of these messages, so both lists go side by side.
    for use, text in zip(tool_executor.uses[seen:], told[seen:], strict=True):
        yield ToolTrace(use, text)


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
