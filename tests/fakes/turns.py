"""Named fakes around one turn: a channel that keeps what it is given, a journal, and somebody who answers."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace

from pipeline.answer import (
    Outcome,
    Step,
)
from pipeline.errors import LaneLost
from pipeline.events import InboundEvent, Person, Text
from pipeline.ports import AnswerRequest, ChannelCapabilities, Profile, WebhookRequest, WebhookResponse
from pipeline.replies import Part, Receipt, Reply, StoredMedia, TextPart, TextReply
from pipeline.turn_state import (
    OutgoingPart,
    Turn,
)


class FakeChannel:
    """Splits words at `|` into parts; `refuse` is asked before each part leaves and may raise."""

    name = "fake"
    capabilities = ChannelCapabilities(message_bytes=2048)

    def __init__(self, refuse: Callable[[str], None] = lambda _: None) -> None:
        self._refuse = refuse
        self.sent: list[str] = []
        self.departments: tuple[int, ...] = ()
        self.gate = asyncio.Event()
        self.gate.set()
        self.sending = asyncio.Event()

    def receive(self, call: WebhookRequest) -> tuple[WebhookResponse, InboundEvent | None]:
        return WebhookResponse(200, call.method), None

    def render(self, replies: Sequence[Reply]) -> tuple[Part, ...]:
        words = [reply.text for reply in replies if isinstance(reply, TextReply)]
        return tuple(TextPart(piece, "text") for text in words for piece in text.split("|"))

    async def send(self, person: Person, part: Part) -> Receipt:
        assert person.channel == self.name
        assert isinstance(part, TextPart)
        self.sending.set()
        await self.gate.wait()
        self._refuse(part.text)
        self.sent.append(part.text)
        return Receipt(f"m{len(self.sent)}")

    async def fetch(self, media_id: str) -> StoredMedia:
        return StoredMedia("0" * 64, "image/png", media_id, 1)

    async def profile(self, person: Person) -> Profile:
        return Profile(person.user, self.departments)

    async def aclose(self) -> None:
        return


class FakeJournal:
    """Writes into lists; `lost` makes every write another process's."""

    def __init__(self) -> None:
        self.recorded: list[tuple[Outcome, str]] = []
        self.noted: list[tuple[int, str]] = []
        self.lost = False

    async def answered(self, turn: Turn, outcome: Outcome, parts: Sequence[Part], *, failure: str = "") -> Turn:
        await self.ensure_owned(turn)
        self.recorded.append((outcome, failure))
        return replace(
            turn, parts=tuple(OutgoingPart(place, part) for place, part in enumerate(parts)), failure=failure
        )

    async def sent(self, turn: Turn, part: OutgoingPart, receipt: Receipt) -> None:
        await self.ensure_owned(turn)
        self.noted.append((part.index, receipt.message_id))

    async def ensure_owned(self, turn: Turn) -> None:
        if self.lost:
            raise LaneLost(f"turn {turn.id}")


class FakeAnswerer:
    """Yields the steps it was given, or raises the error; `gate` holds the answer back."""

    def __init__(self, *steps: Step, error: Exception | None = None) -> None:
        self._steps = steps
        self._error = error
        self.asked: list[AnswerRequest] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def is_question(self, event: InboundEvent) -> bool:
        return isinstance(event.content, Text) and not event.content.text.startswith("@")

    async def answer(self, ask: AnswerRequest) -> AsyncGenerator[Step, None]:
        self.asked.append(ask)
        await self.gate.wait()
        if self._error is not None:
            raise self._error
        for step in self._steps:
            yield step
