"""Runs the model–tool loop until the model answers."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage

from chains.models.fallback import ChatModel
from chains.models.parsing.reasoning import ParsedAnswer
from chains.models.response import ModelResponse
from chains.tooling.executor import ROUNDS, ToolExecutor
from pipeline.answer import Notice, PartialAnswer

_STEPS = 20
"""By which part of itself an answer has grown before it is shown again."""


async def run_tool_loop(
    model: ChatModel,
    messages: list[BaseMessage],
    options: dict[str, Any],
    tool_executor: ToolExecutor,
    rounds: list[ModelResponse],
    *,
    shown: Callable[[ParsedAnswer], str],
) -> AsyncGenerator[PartialAnswer | Notice]:
    """Receive a model until it answers.

    `rounds` takes each of its messages, `messages` what it asked tools and was told.

    Drafts come where the ask's channel streams, as what is `shown` of each message so far.
    """
    while True:
        last = len(rounds) == ROUNDS
        heard = ModelResponse()
        try:
            drafts = _message(
                model, messages, options | tool_executor.request_options(last=last), tool_executor, heard, shown
            )
            async with aclosing(drafts):
                async for draft in drafts:
                    yield draft
        except Exception as error:
            if not tool_executor.tools_rejected(error, first=not rounds):
                raise
            continue
        rounds.append(heard)
        if last or not heard.tool_requests or not tool_executor.offers:
            return
        for notice in tool_executor.notices(heard.tool_requests):
            yield Notice(notice)
        messages.append(heard.request)
        messages += await tool_executor.use(heard.tool_requests)


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
    last = ""
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
            now = shown(response.parsed(whole=False))
            if now and now != last:
                last = now
                yield PartialAnswer(now)
    now = shown(response.parsed(whole=False))
    if now and now != last:
        yield PartialAnswer(now)
