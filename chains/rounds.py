"""A model heard out: what it says in drafts, and the tools it asks for used, until it answers."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage

from chains.heard import Heard
from chains.standby import ChatModel
from chains.thinking import Spoken
from chains.toolbox import ROUNDS, Toolbox
from pipeline.outcomes import Notice, PartialAnswer

_STEPS = 20
"""By which part of itself an answer has grown before it is shown again."""


async def hear_out(
    model: ChatModel,
    messages: list[BaseMessage],
    options: dict[str, Any],
    toolbox: Toolbox,
    rounds: list[Heard],
    *,
    shown: Callable[[Spoken], str],
) -> AsyncGenerator[PartialAnswer | Notice]:
    """Hear a model until it answers; `rounds` takes each of its messages, `messages` what it asked tools and was told.

    Drafts come where the ask's channel streams, as what is `shown` of each message so far.
    """
    while True:
        last = len(rounds) == ROUNDS
        heard = Heard()
        try:
            drafts = _message(model, messages, options | toolbox.offered(last=last), toolbox, heard, shown)
            async with aclosing(drafts):
                async for draft in drafts:
                    yield draft
        except Exception as error:
            if not toolbox.is_to_blame(error, first=not rounds):
                raise
            continue
        rounds.append(heard)
        if last or not heard.wishes or not toolbox.offers:
            return
        for notice in toolbox.notices(heard.wishes):
            yield Notice(notice)
        messages.append(heard.request)
        messages += await toolbox.use(heard.wishes)


async def _message(
    model: ChatModel,
    messages: list[BaseMessage],
    options: dict[str, Any],
    toolbox: Toolbox,
    heard: Heard,
    shown: Callable[[Spoken], str],
) -> AsyncGenerator[PartialAnswer]:
    """Hear one message, in drafts where the channel shows them."""
    if not toolbox.ask.capabilities.streams:
        heard.hear(await model.ainvoke(messages, **options))
        return
    last = ""
    enough = 0
    pieces = cast("AsyncGenerator[AIMessage]", model.astream(messages, **options))
    async with aclosing(pieces):
        async for piece in pieces:
            heard.hear(piece)
            # Each draft reads the answer from its beginning: an ever longer one in ever longer steps, so that all
            # drafts together take no more than a fixed number of readings of the whole.
            length = len(heard.text) + len(heard.reasoning)
            if length < enough:
                continue
            enough = length + length // _STEPS
            now = shown(heard.spoken(whole=False))
            if now and now != last:
                last = now
                yield PartialAnswer(now)
