"""Executes the tools a model asks for, within the limits of one turn."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import structlog
from langchain_core.messages import InvalidToolCall, ToolCall, ToolMessage
from pydantic import ValidationError

from chains.media.image_generation import GeneratedImage
from chains.tooling.tool import MOST_USES, BoundTool, config_for
from pipeline.answer import ToolOutcome, ToolUse
from pipeline.errors import AnswerFailed
from pipeline.ports import AnswerRequest
from pipeline.text.i18n import Catalogue
from pipeline.text.unicode import wellformed

log = structlog.get_logger()

ROUNDS = 5
"""How often a model may ask for tools before it has to answer."""

MOST_CHARACTERS = 16_000
"""How much of what a tool says the model is told."""

_ARGUMENTS = 200

_ENOUGH = "Not done: this answer has used enough tools. Answer now."
_UNKNOWN = "Not done: there is no such tool."
_UNFIT = "Not done: the arguments do not fit the tool."
_NO_JSON = "Not done: the arguments are no JSON object."
_LATE = "The tool failed: it took too long. Go on without it, or tell the person."
_FAILED = "The tool failed. Go on without it, or tell the person."

ToolCallRequest = ToolCall | InvalidToolCall
"""What a model asks for; the arguments of the second could not be read."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a wish: what the model is told, what is told of it in the transcript, and a picture."""

    message: ToolMessage
    use: ToolUse
    image: GeneratedImage | None = None


@dataclass
class ToolExecutor:
    """The tools of one turn."""

    offers: Mapping[str, BoundTool]
    ask: AnswerRequest
    catalogue: Catalogue
    _counts: Counter[str] = field(default_factory=Counter)
    _noticed: set[str] = field(default_factory=set)

    @property
    def schemas(self) -> dict[str, Mapping[str, Any]]:
        """Return what the model is told of each tool, by its name."""
        return {name: offer.schema for name, offer in self.offers.items()}

    def request_options(self, *, last: bool) -> dict[str, Any]:
        """Return what a call of the model says beside the messages; in the `last` round it may only answer."""
        if not self.offers:
            return {}
        choice = {"tool_choice": "none"} if last else {}
        return {"tools": list(self.schemas.values()), **choice}

    def notices(self, wishes: Sequence[ToolCallRequest]) -> list[str]:
        """Return the sentences to say before these tools are used, each once an answer."""
        keys = {offer.notice for wish in wishes if (offer := self.offers.get(wish["name"] or "")) is not None}
        fresh = sorted(keys - self._noticed - {""})
        self._noticed.update(fresh)
        return [self.catalogue.text(key) for key in fresh]

    async def use(self, wishes: Sequence[ToolCallRequest]) -> list[ToolResult]:
        """Use tools as a model asked to, all at once; returns what came of it, failures included, in its order."""
        # Who may is settled in their order, before any of them runs.
        reasons = [self._reason_not_to(wish) for wish in wishes]
        return await asyncio.gather(
            *(self._use(wish, reason) for wish, reason in zip(wishes, reasons, strict=True)),
        )

    def _reason_not_to(self, wish: ToolCallRequest) -> str:
        name = wish["name"] or ""
        offer = self.offers.get(name)
        if offer is None:
            return _UNKNOWN
        self._counts[name] += 1
        if self._counts.total() > MOST_USES or self._counts[name] > offer.most:
            return _ENOUGH
        return "" if isinstance(wish["args"], Mapping) else _NO_JSON

    async def _use(self, wish: ToolCallRequest, reason: str) -> ToolResult:
        if reason:
            return _tool_result(wish, reason, "refused")
        name = wish["name"] or ""
        offer = self.offers[name]
        began = time.perf_counter()
        result, outcome = await self._result(offer, wish)
        milliseconds = round((time.perf_counter() - began) * 1000)
        if outcome in {"failed", "timeout"}:
            log.warning("tool_failed", tool=name, outcome=outcome, trace=self.ask.trace, ms=milliseconds)
        if isinstance(result, str):
            return _tool_result(wish, result, outcome, milliseconds)
        image = result.artifact if isinstance(result.artifact, GeneratedImage) else None
        return _tool_result(wish, truncate_tool_output(result.text), outcome, milliseconds, image)

    async def _result(self, offer: BoundTool, wish: ToolCallRequest) -> tuple[ToolMessage | str, ToolOutcome]:
        call = {"type": "tool_call", "id": wish["id"] or "", "name": wish["name"], "args": wish["args"]}
        try:
            async with asyncio.timeout(offer.seconds if isfinite(offer.seconds) else None):
                content: ToolMessage = await offer.tool.ainvoke(call, config_for(self.ask))
        except AnswerFailed as failed:
            return self.catalogue.text(failed.reason, trace=self.ask.trace), "failed"
        except ValidationError:
            return _UNFIT, "refused"
        except TimeoutError:
            return _LATE, "timeout"
        except Exception as error:  # noqa: BLE001 - the edge of a step: whatever a tool does wrong, there is an answer
            # The error's own text may quote what the person said.
            log.debug("tool_broke", tool=wish["name"], error=type(error).__name__)
            return _FAILED, "failed"
        return content, "failed" if content.status == "error" else "done"


def truncate_tool_output(text: str) -> str:
    """Cut what a tool says where it is too much for a model."""
    text = wellformed(text)
    beyond = len(text) - MOST_CHARACTERS
    return text if beyond <= 0 else f"{text[:MOST_CHARACTERS]}\n[{beyond} more characters are left out]"


def _tool_result(
    wish: ToolCallRequest,
    content: str,
    outcome: ToolOutcome,
    milliseconds: int = 0,
    image: GeneratedImage | None = None,
) -> ToolResult:
    name = wish["name"] or ""
    status = "success" if outcome == "done" else "error"
    message = ToolMessage(content, tool_call_id=wish["id"] or "", name=name, status=status)
    return ToolResult(message, ToolUse(_short(name), _arguments(wish), outcome, milliseconds), image)


def _arguments(wish: ToolCallRequest) -> str:
    given = wish["args"]
    if isinstance(given, Mapping):
        return _short(json.dumps(given, ensure_ascii=False, default=str)) if given else ""
    return _short(given or "")


def _short(text: str) -> str:
    text = wellformed(text)
    return text if len(text) <= _ARGUMENTS else f"{text[: _ARGUMENTS - 1]}…"
