"""Has consecutive messages of one person answered as one: each but the last is joined to the one after it.

A message waits until none has followed it for some seconds. One that was followed ends without an answer of its own,
in the transaction that puts its words before those of the next: whatever happens in between, no word is answered
twice, and none is lost.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from time import time
from typing import Protocol

from pipeline.events import InboundEvent, Text
from pipeline.turn_state import JoinedMessage, Turn, WaitingMessage

MOST_CHARACTERS = 20_000
"""Of what is joined: people type no more in a few seconds, and a model reads no more with care."""


class WaitingMessages(Protocol):
    """The messages that wait behind those that are answered."""

    async def next_message(self, turn: Turn) -> WaitingMessage | None:
        """Return the one that follows a turn in its lane; None while there is none, or where it cannot be read."""


class Gathering:
    """Joins messages that come within `seconds` of one another."""

    def __init__(self, seconds: float, messages: WaitingMessages, *, clock: Callable[[], float] = time) -> None:
        self._seconds = seconds
        self._messages = messages
        self._clock = clock

    async def join(self, turn: Turn, is_question: Callable[[InboundEvent], bool]) -> JoinedMessage | None:
        """Return the next message with a turn's words before its own; None when the turn is to be answered by itself.

        Waits for the next message as long as it may come. `is_question` is whether a message is for the model.
        """
        if not self._seconds or not is_question(turn.event):
            return None
        if (joined := await self._joined(turn, is_question)) is not None:
            return joined
        left = turn.accepted_at + self._seconds - self._clock()
        # Clocks differ between machines: nobody waits for longer than the settings say.
        if left > 0:
            await asyncio.sleep(min(left, self._seconds))
        return await self._joined(turn, is_question)

    async def _joined(self, turn: Turn, is_question: Callable[[InboundEvent], bool]) -> JoinedMessage | None:
        following = await self._messages.next_message(turn)
        if following is None or following.event.sender != turn.event.sender or not is_question(following.event):
            return None
        first, second = turn.event.content, following.event.content
        if not (isinstance(first, Text) and isinstance(second, Text)):
            return None
        text = f"{first.text}\n{second.text}"
        if following.accepted_at - turn.accepted_at > self._seconds or len(text) > MOST_CHARACTERS:
            return None
        spoken = first.spoken and second.spoken
        quoted = "\n".join(filter(None, (first.quoted, second.quoted)))
        joined = replace(second, text=text, files=(*first.files, *second.files), quoted=quoted, spoken=spoken)
        return JoinedMessage(following.turn_id, joined)
