"""What a model can do and how fast, found out by asking it as the service would."""

import asyncio
import base64
import io
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from chains.catalog.config import ChainConfig
from chains.conversation.generated import GeneratedAnswer
from chains.conversation.generation import AnswerGenerator
from chains.conversation.request import ModelRequest
from chains.conversation.tool_loop import CompletedRound
from chains.evaluation.tester import TRIAL_CAPABILITIES, TRIAL_PERSON
from chains.media.services import MediaServices
from chains.models.errors import failure_sentence
from chains.models.fallback import ChatModel
from chains.models.registry import ModelRegistry
from chains.models.tokens import estimate
from chains.tools.current_time import NAME as CLOCK
from chains.toolset import open_tool_registry
from pipeline.answer import Notice, PartialAnswer
from pipeline.errors import AnswerFailed
from pipeline.events import InboundEvent, Text
from pipeline.ports import AnswerRequest
from pipeline.replies import StoredMedia
from pipeline.settings import Chat
from pipeline.text.i18n import Catalogue, in_language

Found = Literal["yes", "no", "failed"]

_COUNT = "Count from 1 to 40 in digits, separated by spaces. Say nothing else."
_USE = "What time is it now? Use the tool."
_LOOK = "Which colour is this picture? Answer with one English word."
_PICTURE = StoredMedia("0" * 64, "image/jpeg", "red.jpg", 0)


@dataclass(frozen=True, slots=True)
class Throughput:
    """How a model answered: `tokens` are its own count, or an estimate where it gives none."""

    model: str
    first_milliseconds: int
    milliseconds: int
    tokens: int
    pieces: int
    error: str = ""

    @property
    def tokens_a_second(self) -> float:
        """Return its speed once it speaks."""
        return self.tokens * 1000 / max(1, self.milliseconds - self.first_milliseconds)


@dataclass(frozen=True, slots=True)
class ModelProbe:
    """Asks one model, without those that stand in for it, by way of a chain that adds nothing."""

    name: str
    model: ChatModel
    generator: AnswerGenerator
    catalogue: Catalogue

    @classmethod
    async def of(cls, models: ModelRegistry, name: str, catalogue: Catalogue) -> "ModelProbe":
        """Open a model of the settings; `SettingsInvalid` if it is not set up."""
        tools = await asyncio.to_thread(open_tool_registry, MediaServices())
        generator = AnswerGenerator(models, Chat(), catalogue, tools)
        return cls(name, await models.without_fallbacks(name), generator, catalogue)

    async def answer(self, question: str) -> GeneratedAnswer:
        """Return what it answers."""
        generated, _ = await self._ask(question)
        return generated

    async def measure(self) -> Throughput:
        """Ask the model to count, and measure how long it takes."""
        generated, pieces = await self._ask(_COUNT)
        tokens = sum(call.output_tokens for call in generated.calls) or estimate(generated.text)
        return Throughput(
            generated.model,
            generated.first_milliseconds,
            generated.milliseconds,
            tokens,
            pieces,
            "" if generated.failure is None else self._failure_text(generated.failure),
        )

    def _failure_text(self, failure: AnswerFailed) -> str:
        return f"[models.{self.name}]: {in_language(failure_sentence(failure), self.catalogue)}"

    async def uses_tools(self) -> Found:
        """Whether it calls a tool that it is offered and asked to call."""
        request = await self._request(_USE, tools=(CLOCK,))
        async with aclosing(self.generator.run(request, opened=self.model)) as steps:
            async for step in steps:
                match step:
                    case CompletedRound() if step.response.request.tool_calls:
                        return "yes"
                    case GeneratedAnswer():
                        return "failed" if step.failure is not None else "no"
                    case _:
                        pass
        return "failed"

    async def sees(self) -> Found:
        """Whether it can tell the colour of a picture."""
        square = await asyncio.to_thread(_red_square)
        request = replace(await self._request(_LOOK), pictures=(_PICTURE,), images={_PICTURE.sha256: square})
        generated, _ = await self._run(request)
        if generated.failure is not None and generated.failure.reason not in {"model.empty", "model.no_room"}:
            return "failed"
        said = generated.text.casefold()
        return "yes" if "red" in said or "红" in said else "no"

    async def _request(self, question: str, *, tools: tuple[str, ...] = ()) -> ModelRequest:
        chain = ChainConfig(name="probe", model=self.name, tools=tools)
        event = InboundEvent("try", TRIAL_PERSON, Text(question), datetime.now(UTC))
        ask = AnswerRequest(event, TRIAL_CAPABILITIES, trace="try", chain=chain.name)
        return await self.generator.prepare(chain, question, ask, called=True)

    async def _ask(self, question: str) -> tuple[GeneratedAnswer, int]:
        return await self._run(await self._request(question))

    async def _run(self, request: ModelRequest) -> tuple[GeneratedAnswer, int]:
        """Return the answer, and in how many pieces it came."""
        pieces = 0
        generated = GeneratedAnswer(self.name, self.name)
        async with aclosing(self.generator.run(request, opened=self.model)) as steps:
            async for step in steps:
                match step:
                    case PartialAnswer():
                        pieces += 1
                    case GeneratedAnswer():
                        generated = step
                    case Notice() | CompletedRound():
                        pass
        return generated, pieces


def _red_square() -> str:
    from PIL import Image  # noqa: PLC0415 - only where pictures are shown

    written = io.BytesIO()
    Image.new("RGB", (64, 64), "#e00000").save(written, "JPEG")
    return base64.b64encode(written.getvalue()).decode()
