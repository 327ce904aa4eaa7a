"""Asking a chain outside the service: what is sent, what comes back, how long it took; remembered by content."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage

from chains import prompt
from chains.config import ChainConfig
from chains.failures import answer_failed
from chains.heard import Heard
from chains.history import window
from chains.models import Models
from chains.templates import values
from pipeline.events import Person
from pipeline.outcomes import Exchange
from pipeline.settings import Chat
from pipeline.words import Words

SOMEBODY = Person("try", "somebody")


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one question; `error` says in one line why there is no answer, `cached` that nobody was asked."""

    text: str = ""
    model: str = ""
    table: str = ""
    """The model's table in the settings, whose price it costs."""
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    """In millionths, at today's price; also where nobody was asked this time."""
    milliseconds: int = 0
    first_milliseconds: int = 0
    error: str = ""
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """What a model is asked: the messages, and what else the request says."""

    messages: list[BaseMessage]
    options: dict[str, Any]

    def told(self) -> list[tuple[str, str]]:
        """Give the messages as roles and words."""
        roles = {"human": "user", "ai": "assistant"}
        return [(roles.get(message.type, message.type), message.text) for message in self.messages]


@dataclass(frozen=True)
class Answers:
    """Answers already paid for, one file each, by what was asked; they may be thrown away at any time."""

    folder: Path | None = None

    def find(self, key: str) -> Tried | None:
        """Give an answer kept, None for none. Reads a file."""
        file = self._file(key)
        try:
            return replace(Tried(**json.loads(file.read_text(encoding="utf-8"))), cached=True) if file else None
        except (OSError, ValueError, TypeError):
            # Missing, half written, or of an earlier version: the model is asked again.
            return None

    def keep(self, key: str, tried: Tried) -> None:
        """Keep an answer. Writes a file."""
        if (file := self._file(key)) is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(asdict(tried), ensure_ascii=False), encoding="utf-8")

    def _file(self, key: str) -> Path | None:
        return self.folder / f"{key}.json" if self.folder is not None else None


@dataclass(frozen=True)
class Trier:
    """Asks chains questions, so many at once."""

    models: Models
    chat: Chat
    words: Words
    answers: Answers = field(default_factory=Answers)
    at_once: int = 4
    _room: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_room", asyncio.Semaphore(self.at_once))

    def sent(self, chain: ChainConfig, question: str, exchanges: Sequence[Exchange] = ()) -> Sent:
        """Give what the chain's model is asked."""
        blanks = values(
            user=SOMEBODY.user, channel=SOMEBODY.channel, chain=chain.name, at=datetime.now(UTC), words=self.words
        )
        instead = self.chat.system_prompt if not chain.command else ""
        messages = window(
            prompt.instructions(chain, blanks, self.words, instead=instead),
            prompt.earlier(chain, exchanges, blanks),
            prompt.question(chain, question, blanks),
        )
        return Sent(messages, self.models.options(chain.model, prompt.options(chain, model=chain.model)))

    async def ask(self, chain: ChainConfig, question: str, exchanges: Sequence[Exchange] = ()) -> Tried:
        """Ask a question and wait for the whole answer; what was asked before costs nothing."""
        sent = self.sent(chain, question, exchanges)
        key = self._key(chain, sent)
        async with self._room:
            if (known := await asyncio.to_thread(self.answers.find, key)) is not None:
                return self._priced(known)
            tried = Tried()
            async with aclosing(self.stream(chain, sent)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Tried):
                        tried = piece
            if not tried.error:
                await asyncio.to_thread(self.answers.keep, key, tried)
            return tried

    async def stream(self, chain: ChainConfig, sent: Sent) -> AsyncGenerator[str | Tried]:
        """Yield what is said as it is said, and at the end what came of it."""
        heard = Heard()
        began = time.perf_counter()
        first = 0
        shown = ""
        try:
            model = await self.models.chat(chain.model)
            answer = cast("AsyncGenerator[AIMessage]", model.astream(sent.messages, **sent.options))
            async with aclosing(answer) as pieces:
                async for piece in pieces:
                    heard.hear(piece)
                    first = first or _since(began)
                    said = heard.spoken(whole=False).said
                    if said.startswith(shown) and said != shown:
                        yield said[len(shown) :]
                        shown = said
        except Exception as error:  # noqa: BLE001 - providers and their libraries raise anything
            yield Tried(error=str(answer_failed(error, model=chain.model)), milliseconds=_since(began))
            return
        said = heard.spoken(whole=True).said
        tried = Tried(
            text=said,
            model=heard.model or chain.model,
            table=heard.table or chain.model,
            input_tokens=heard.input_tokens,
            cached_tokens=heard.cached_tokens,
            output_tokens=heard.output_tokens,
            milliseconds=_since(began),
            first_milliseconds=first,
            error="" if said else f"[models.{chain.model}]: empty answer, finished by {heard.finish!r}",
        )
        yield self._priced(tried)

    def _priced(self, tried: Tried) -> Tried:
        price = self.models.price(tried.table)
        return replace(tried, cost=price.cost(tried.input_tokens, tried.output_tokens, cached=tried.cached_tokens))

    def _key(self, chain: ChainConfig, sent: Sent) -> str:
        asked = [self.models.identity(chain.model), sent.options, sent.told()]
        return hashlib.sha256(json.dumps(asked, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
