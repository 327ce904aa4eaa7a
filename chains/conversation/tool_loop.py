"""Runs the model–tool loop until the model answers."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage

from chains.media.image_generation import GeneratedImage
from chains.models.fallback import ChatModel
from chains.models.parsing.reasoning import ParsedAnswer
from chains.models.response import ModelResponse
from chains.tooling.executor import ROUNDS, ToolExecutor, ToolResult
from pipeline.answer import Notice, PartialAnswer

_NOTHING = PartialAnswer("")
_STEPS = 20
"""By which part of itself an answer has grown before it is shown again."""


@dataclass(frozen=True, slots=True)
class CompletedRound:
    """One message of a model, whole, with what came of the tools it asked for."""

    response: ModelResponse
    tools: tuple[ToolResult, ...] = ()
    pictures: tuple[GeneratedImage, ...] = ()
    """Those that the model put beside its words."""


async def run_tool_loop(
    model: ChatModel,
    messages: Sequence[BaseMessage],
    options: Mapping[str, Any],
    tool_executor: ToolExecutor,
    *,
    shown: Callable[[ParsedAnswer], str],
) -> AsyncGenerator[PartialAnswer | Notice | CompletedRound]:
    """Ask a model until it answers, and yield each of its messages once it is whole; the last is the answer.

    Drafts come where the ask's channel streams, as what is `shown` of each message so far.
    """
    sent = [*messages]
    ids: set[str] = set()
    rounds = 0
    while True:
        last = rounds >= ROUNDS
        # Some models call a tool whenever they are shown one, whether they may or not.
        shows_tools = rounds <= ROUNDS
        beside = tool_executor.request_options(last=last) if shows_tools else {}
        response = ModelResponse(trace=tool_executor.ask.trace)
        drafts = _message(model, sent, {**options, **beside}, tool_executor, response, shown)
        async with aclosing(drafts):
            async for draft in drafts:
                yield draft
        rounds += 1
        if tool_executor.offers:
            await response.read_written_calls(tool_executor.schemas)
        if last or not response.tool_requests or not tool_executor.offers:
            yield CompletedRound(response)
            if last and shows_tools and response.tool_requests:
                parsed = await response.parsed_aside(whole=True)
                if not parsed.content:
                    continue
            return
        response.settle_ids(ids)
        for notice in tool_executor.notices(response.tool_requests):
            yield Notice(notice)
        results = await tool_executor.use(response.tool_requests)
        sent += (response.request, *(result.message for result in results))
        yield CompletedRound(response, tuple(results))


async def _message(
    model: ChatModel,
    messages: list[BaseMessage],
    options: dict[str, Any],
    tool_executor: ToolExecutor,
    response: ModelResponse,
    shown: Callable[[ParsedAnswer], str],
) -> AsyncGenerator[PartialAnswer]:
    """Receive one message, in drafts where the channel shows them."""
    if not tool_executor.ask.capabilities.streams:
        response.add(await model.ainvoke(messages, **options))
        return
    reasons = tool_executor.ask.capabilities.reasoning
    last = _NOTHING
    enough = 0
    pieces = cast("AsyncGenerator[AIMessage]", model.astream(messages, **options))
    async with aclosing(pieces):
        async for piece in pieces:
            response.add(piece)
            # Each draft reads the answer from its beginning: an ever longer one in ever longer steps, so that all
            # drafts together take no more than a fixed number of readings of the whole.
            length = len(response.text) + len(response.reasoning)
            if length < enough:
                continue
            enough = length + length // _STEPS
            now = await _draft(response, shown, reasons=reasons)
            if now not in (last, _NOTHING):
                last = now
                yield now
    now = await _draft(response, shown, reasons=reasons)
    if now not in (last, _NOTHING):
        yield now


async def _draft(response: ModelResponse, shown: Callable[[ParsedAnswer], str], *, reasons: bool) -> PartialAnswer:
    parsed = await response.parsed_aside(whole=False)
    return PartialAnswer(shown(parsed), parsed.reasoning if reasons else "")
