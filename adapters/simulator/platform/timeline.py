"""What one member sees of one app on the phone, in order, with a way to wait for more."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from adapters.simulator.platform.apps import ApiLimits
from pipeline.events import Content


@dataclass(frozen=True, slots=True)
class MediaLabel:
    """A file without its bytes; `type` is WeCom's word for it: image, voice, video or file."""

    media_id: str
    type: str
    name: str
    mime: str
    size: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message that reached a phone.

    `number` orders everything the simulator showed anybody, `at` is in seconds since 1970. `text` is what a person
    can read of it, `sent` the words as they came: longer than `text` when WeCom cut them. `body` is the message's
    own object in the request.
    """

    number: int
    at: float
    corp_id: str
    agent_id: int
    user: str
    msgid: str
    type: str
    text: str = ""
    sent: str = ""
    media: MediaLabel | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    recalled: bool = False
    streaming: bool = False
    """Whether more of it is to come, under the same `msgid` and a higher number."""
    feedback: str = ""
    """What a bot calls the answer when somebody presses a thumb under it; empty where it has no thumbs."""
    kind: Literal["delivered"] = "delivered"


@dataclass(frozen=True, slots=True)
class MemberAction:
    """What the member wrote, sent or pressed; `msg_id` is empty for what is no message, such as a click."""

    number: int
    at: float
    corp_id: str
    agent_id: int
    user: str
    msg_id: str
    content: Content
    group: str = ""
    """The group it was said in, empty for a single chat."""
    quote: Content | None = None
    """What it answers, as WeCom quotes it to a bot."""
    attachments: tuple[Content, ...] = ()
    """Pictures and files that stand in one message with the words."""
    kind: Literal["said"] = "said"


Entry = Delivered | MemberAction


class Timeline:
    """A conversation as the phone shows it: the latest entries, and counts of all there were."""

    def __init__(self, limits: ApiLimits) -> None:
        self._limits = limits
        self._entries: deque[Entry] = deque(maxlen=limits.kept_messages)
        self._taken: deque[float] = deque(maxlen=max(limits.per_minute, limits.per_hour))
        # Set and cleared at once: it wakes those who wait now and nobody later.
        self._changed = asyncio.Event()
        self.delivered = 0
        self.dropped = 0
        self.said = 0

    def admits(self, now: float) -> bool:
        """Whether one more message is shown to the member now, and count it (wecom-protocol.md 4)."""
        taken = self._taken
        for most, seconds in ((self._limits.per_minute, 60), (self._limits.per_hour, 3600)):
            if most and len(taken) >= most and now - taken[-most] < seconds:
                self.dropped += 1
                return False
        taken.append(now)
        return True

    def show(self, entry: Entry) -> None:
        """Add an entry and wake whoever waits for one."""
        self._entries.append(entry)
        match entry:
            case Delivered():
                self.delivered += 1
            case MemberAction():
                self.said += 1
        self._changed.set()
        self._changed.clear()

    def replace(self, entry: Delivered) -> None:
        """Show a message in place of what was there of it; the first time, add it."""
        for shown in self._entries:
            if isinstance(shown, Delivered) and shown.msgid == entry.msgid:
                self._entries.remove(shown)
                self.delivered -= 1
                break
        self.show(entry)

    def recall(self, msgid: str) -> None:
        """Mark a message as taken back."""
        for index, entry in enumerate(self._entries):
            if isinstance(entry, Delivered) and entry.msgid == msgid:
                self._entries[index] = replace(entry, recalled=True)

    def after(self, number: int) -> list[Entry]:
        """Return the entries kept whose number is higher, oldest first."""
        later: list[Entry] = []
        for entry in reversed(self._entries):
            if entry.number <= number:
                break
            later.append(entry)
        return later[::-1]

    async def changed(self) -> None:
        """Return when the next entry is shown."""
        await self._changed.wait()

    async def wait(self, *, count: int, after: int) -> tuple[Delivered, ...]:
        """Return all messages with a higher number than `after` once there are at least `count` of them whole."""
        while True:
            found = tuple(entry for entry in self.after(after) if isinstance(entry, Delivered) and not entry.streaming)
            if len(found) >= count:
                return found
            await self.changed()

    async def watch(self, after: int = 0) -> AsyncIterator[Entry]:
        """Yield the entries after a number and then each new one, for ever; a slow reader misses what is not kept."""
        while True:
            for entry in self.after(after):
                after = entry.number
                yield entry
            if not self.after(after):
                await self.changed()
