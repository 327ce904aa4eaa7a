"""Fakes of the small ports, in memory: files, limits and records of sending, the lease of a connection, the inbox."""

import time
from collections.abc import Callable, Sequence
from hashlib import sha256

from pipeline.errors import TryAgain, Undeliverable
from pipeline.events import InboundEvent, Person
from pipeline.replies import StoredMedia


class MemoryMedia:
    """Implements `MediaStore`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def keep(self, data: bytes, *, mime: str, name: str) -> StoredMedia:
        digest = sha256(data).hexdigest()
        self.files[digest] = data
        return StoredMedia(digest, mime, name, len(data))

    async def read(self, media: StoredMedia) -> bytes:
        try:
            return self.files[media.sha256]
        except KeyError:
            raise Undeliverable(f"the stored file {media.sha256[:12]} is gone") from None


class FakeSendLimiter:
    """Implements `SendLimiter`: counts, and lets nobody through once it is closed."""

    def __init__(self) -> None:
        self.admitted: list[Person] = []
        self.closed = False

    async def acquire(self, person: Person) -> None:
        if self.closed:
            raise TryAgain("enough for this minute", after=30, blameless=True)
        self.admitted.append(person)


class FakeSendLog:
    """Implements `SendLog` over moments of a clock; `asked` is how often it was read."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.moments: dict[Person, list[float]] = {}
        self.asked = 0

    async def sent_since(self, person: Person, seconds: float) -> Sequence[float]:
        self.asked += 1
        ages = (self._clock() - moment for moment in self.moments.get(person, ()))
        return [age for age in ages if age < seconds]


class SoleHolder:
    """Implements `ConnectionLease` for a process that is the only one."""

    seconds = 12.0

    async def acquire(self, name: str) -> bool:
        return bool(name)

    async def release(self, name: str) -> None:
        del name


class FakeInbox:
    """Implements `Inbox` by remembering keys."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def accept(self, event: InboundEvent, *, lane: str) -> bool:
        assert lane
        if event.key in self.keys:
            return False
        self.keys.append(event.key)
        return True
