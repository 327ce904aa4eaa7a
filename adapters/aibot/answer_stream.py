"""The bubble under one message: first dots, then the answer as it grows, then the answer as it was recorded.

One frame is in flight at a time, and a wait for its answer is never cut short: all frames of a stream carry one
req_id, so a late answer would be taken for the next frame's (wecom-protocol.md 8).
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import structlog

from adapters.aibot.connection import AckLost, AckMissing, BotConnection, NotConnected
from adapters.aibot.drafts import WAITING, draft, escape_thinking, with_thinking
from adapters.aibot.frames import BotFrame, stream_body

log = structlog.get_logger()

VERSION_CONFLICT = 6000
STREAM_EXPIRED = 846608
REQ_ID_DEAD = frozenset({846604, 846605})
"""Nothing of this req_id can be said any more, so that nobody can end its bubble either: WeCom has to."""
EXPIRED = REQ_ID_DEAD | {STREAM_EXPIRED}
"""The req_id or the stream can no longer be answered: what is left goes as a message."""
_WECOM_WINDOW = 360.0
"""Seconds from the first frame, before which a stream expires only by having been finished."""
_FRESH = 120.0
"""Seconds from the latest frame, after which a stream may have died for want of others."""
_CONFLICT_PAUSES = (0.2, 0.4, 0.8)

Ending = Literal["shown", "unknown", "expired", "refused"]
"""What became of a last frame: `unknown` when it went out and nobody said whether it was taken."""


@dataclass(frozen=True, slots=True)
class StreamTiming:
    """Seconds of one stream."""

    frame: float = 0.5
    """Between two frames, in the first minute."""
    later_frame: float = 1.0
    slow_after: float = 60.0
    refresh: float = 60.0
    """After which an unchanged stream is sent again: one without updates may die early."""
    window: float = 330.0
    """From the first frame; WeCom's own window is six minutes."""


class AnswerStream:
    """One stream; `handed_over` is the sentence it ends with where the answer will come as a message.

    `age` is for how many seconds another process may have shown it already.
    """

    def __init__(
        self,
        connection: BotConnection,
        req_id: str,
        stream_id: str,
        *,
        feedback: str,
        handed_over: str,
        timing: StreamTiming,
        age: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.req_id = req_id
        self.stream_id = stream_id
        self._connection = connection
        self._feedback = feedback
        """What comes back with a press of the thumbs under the answer."""
        self._handed_over = handed_over
        self._timing = timing
        self._clock = clock
        self._text = ""
        self._notice = ""
        self._reasoning = ""
        self._sent = ""
        """What the last frame that was taken shows."""
        self._opened_at = clock() - age if age else 0.0
        self._last_at = 0.0
        self._changed = asyncio.Event()
        self._over = False
        self._drafts_end = False
        """Whether a draft was refused, or its answer went missing, so that only the last frame goes."""
        self._is_answer_missing = False
        """Whether a draft's answer may come yet, and would be taken for the last frame's."""
        self.expired = False
        self._is_last_sent = False
        """Whether a last frame has gone out of which it is not known whether it was taken."""
        self._is_reconnected = False
        """Whether that was over another connection, which may have taken the req_id with it."""
        self._refused = 0
        self._expired_with = 0
        self.is_left_noted = False
        """Whether it has been noted that nobody can end the bubble."""
        self.unconfirmed = 0
        """How often a last frame was sent twice and never answered, though the connection stands."""
        self._pump: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether its last frame has been sent, or never will be."""
        return self._over

    def begin(self) -> None:
        """Send the dots, and from then on what is shown."""
        if self._pump is None:
            self._pump = asyncio.create_task(self._run(), name=f"stream {self.stream_id}")

    def show(self, text: str, reasoning: str = "") -> None:
        """Show the answer so far, with the next frame, and what was thought before it."""
        if (text, reasoning) != (self._text, self._reasoning):
            self._text, self._notice, self._reasoning = text, "", reasoning
            self._changed.set()

    def notify(self, notice: str) -> None:
        """Show a word below what there is of the answer, until there is more of it."""
        self._notice = notice
        self._changed.set()

    async def finish(self, text: str) -> Ending:
        """Send the last frame; `text` stands in it and nothing else."""
        self._over = True
        self._changed.set()
        if self._pump is not None:
            await asyncio.wait({self._pump})
        if self.expired:
            return "expired"
        ending = await self._last_frame(text)
        self.expired = ending == "expired"
        return ending

    async def _last_frame(self, text: str) -> Ending:
        content = with_thinking(escape_thinking(text), self._reasoning)
        # Where a draft's answer is missing, the next may be that: only the one after it is the last frame's.
        unattributed = self._is_answer_missing
        for _ in range(3 if unattributed else 2):
            try:
                answer = await self._frame(content, finish=True)
            except AckMissing:
                # The same text to the same stream does no harm; by another way it would be there twice.
                self._is_last_sent = True
                continue
            except NotConnected as error:
                self._is_reconnected = self._is_last_sent = self._is_last_sent or isinstance(error, AckLost)
                raise
            if answer.errcode in EXPIRED:
                self._expired_with = answer.errcode
                return "shown" if self._is_finished(answer.errcode) else "expired"
            if answer.errcode:
                self._refused = answer.errcode
                return "refused"
            if not unattributed:
                return "shown"
            unattributed, self._is_last_sent = False, True
        self.unconfirmed += 1
        log.warning("bot_answer_unconfirmed", stream=self.stream_id)
        return "unknown"

    def _is_finished(self, errcode: int) -> bool:
        """Whether what can no longer be answered was finished by a last frame whose own answer went missing.

        Over another connection only the stream's own errcode says so: the req_id may have gone with the first.
        """
        now = self._clock()
        young = now - (self._opened_at or now) < _WECOM_WINDOW and now - (self._last_at or now) < _FRESH
        return self._is_last_sent and young and (errcode == STREAM_EXPIRED or not self._is_reconnected)

    @property
    def left_open_with(self) -> int:
        """Return the errcode by which WeCom said that nobody can end the bubble any more, 0 where it did not."""
        return self._expired_with if self._expired_with in REQ_ID_DEAD else 0

    @property
    def seconds_left(self) -> float:
        """Return for how long it can be ended yet."""
        return self._timing.window - (self._clock() - self._opened_at if self._opened_at else 0.0)

    @property
    def refused_with(self) -> int:
        """Return the errcode that refused the last frame."""
        return self._refused

    async def _run(self) -> None:
        """Send frames until the stream is over; never ends in the middle of one."""
        while not self._ended():
            await self._breathe()
            if self._ended():
                return
            if self._due():
                await self._show_now()
            else:
                await self._wait(self._pause())

    def _ended(self) -> bool:
        return self._over or self.expired

    def _due(self) -> bool:
        if self._drafts_end:
            return False
        return not self._last_at or self._wanted() != self._sent or self._age() > self._timing.refresh

    def _wanted(self) -> str:
        return draft(self._text, self._notice, self._reasoning)

    def _age(self) -> float:
        return self._clock() - self._last_at

    def _pause(self) -> float:
        left = self._opened_at + self._timing.window - self._clock() if self._opened_at else self._timing.refresh
        return max(0.0, min(left, self._timing.refresh))

    async def _breathe(self) -> None:
        """Wait until the next frame may go, or the stream is over; end it before WeCom's window does."""
        while self._last_at and not self._over:
            now = self._clock()
            if self._opened_at and now - self._opened_at >= self._timing.window:
                await self._hand_over()
                return
            young = now - self._opened_at < self._timing.slow_after
            left = (self._timing.frame if young else self._timing.later_frame) - self._age()
            if left <= 0:
                return
            await self._wait(left)

    async def _wait(self, seconds: float) -> None:
        """Return after so many seconds, or when something has changed."""
        self._changed.clear()
        if self._over:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _show_now(self) -> None:
        content = self._wanted()
        try:
            answer = await self._frame(content, finish=False)
        except AckMissing:
            self._drafts_end = self._is_answer_missing = True
            self._opened_at = self._opened_at or self._clock()
            self._last_at = self._clock()
            return
        except NotConnected:
            # The pump rests; the last frame goes by the next connection, or becomes a message.
            await self._wait(self._timing.later_frame)
            return
        if answer.errcode in EXPIRED:
            self.expired, self._expired_with = True, answer.errcode
        elif answer.errcode:
            self._drafts_end = True
            log.info("bot_draft_refused", stream=self.stream_id, errcode=answer.errcode)
        else:
            self._opened_at = self._opened_at or self._clock()
            self._last_at, self._sent = self._clock(), content

    async def _hand_over(self) -> None:
        text = draft(self._text) if self._text else ""
        shown = f"{text}\n\n{self._handed_over}" if text else self._handed_over
        try:
            await self._frame(shown, finish=True)
        except (AckMissing, NotConnected):
            log.info("bot_stream_not_handed_over", stream=self.stream_id)
        self.expired = True

    async def _frame(self, content: str, *, finish: bool) -> BotFrame:
        """Send a frame, again where two were in the air; the feedback's id stands on the first frame."""
        feedback = "" if self._last_at else self._feedback
        body = stream_body(self.stream_id, content or WAITING, finish=finish, feedback=feedback)
        for pause in (*_CONFLICT_PAUSES, None):
            answer = await self._connection.call("aibot_respond_msg", body, req_id=self.req_id)
            if answer.errcode != VERSION_CONFLICT or pause is None:
                return answer
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")
