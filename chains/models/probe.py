"""What a model can do and how fast, found out by asking it."""

import base64
import io
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from chains.models.errors import to_answer_failed
from chains.models.fallback import ChatModel
from chains.models.registry import ModelRegistry
from chains.models.response import ModelResponse
from chains.models.tokens import estimate

Found = Literal["yes", "no", "failed"]

_COUNT = "Count from 1 to 40 in digits, separated by spaces. Say nothing else."
_USE = "What time is it now? Use the tool."
_LOOK = "Which colour is this picture? Answer with one English word."
_TOOL = {
    "type": "function",
    "function": {
        "name": "current_time",
        "description": "Tells the time now.",
        "parameters": {"type": "object", "properties": {}},
    },
}


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
    """Asks one model, without those that stand in for it."""

    name: str
    model: ChatModel

    @classmethod
    async def of(cls, models: ModelRegistry, name: str) -> "ModelProbe":
        """Open a model of the settings; `SettingsInvalid` if it is not set up."""
        return cls(name, await models.without_fallbacks(name))

    async def measure(self) -> Throughput:
        """Have it count, and measure."""
        heard = ModelResponse()
        began = time.perf_counter()
        first = pieces = 0
        try:
            answer = cast("AsyncGenerator[AIMessage]", self.model.astream([HumanMessage(_COUNT)]))
            async with aclosing(answer) as said:
                async for piece in said:
                    heard.add(piece)
                    if piece.text or heard.reasoning:
                        first = first or _since(began)
                        pieces += 1
        except Exception as error:  # noqa: BLE001 - providers and their libraries raise anything
            return Throughput("", 0, _since(began), 0, 0, str(to_answer_failed(error, model=self.name)))
        tokens = heard.output_tokens or estimate(heard.text)
        return Throughput(heard.model or self.name, first, _since(began), tokens, pieces)

    async def uses_tools(self) -> Found:
        """Whether it calls a tool that it is offered and asked to call."""
        heard = await self._collect([HumanMessage(_USE)], tools=[_TOOL])
        return "failed" if heard is None else "yes" if heard.request.tool_calls else "no"

    async def sees(self) -> Found:
        """Whether it can tell the colour of a picture."""
        picture = {"type": "image_url", "image_url": {"url": _red_square()}}
        heard = await self._collect([HumanMessage([{"type": "text", "text": _LOOK}, picture])])
        said = heard.text.casefold() if heard is not None else ""
        return "failed" if heard is None else "yes" if "red" in said or "红" in said else "no"

    async def _collect(self, messages: list[BaseMessage], **options: Any) -> ModelResponse | None:  # noqa: ANN401 - as the call's
        heard = ModelResponse()
        try:
            heard.add(await self.model.ainvoke(messages, **options))
        except Exception as error:  # noqa: BLE001 - as above; the log says what it was
            to_answer_failed(error, model=self.name)
            return None
        return heard


def _red_square() -> str:
    from PIL import Image  # noqa: PLC0415 - only where pictures are shown

    written = io.BytesIO()
    Image.new("RGB", (64, 64), "#e00000").save(written, "PNG")
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
