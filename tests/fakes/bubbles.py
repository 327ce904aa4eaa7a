"""A channel that shows answers while they are made, and can end what it shows only while it is connected."""

from pipeline.events import InboundEvent
from pipeline.ports import Ending
from pipeline.replies import Part, Receipt
from tests.fakes.turns import FakeChannel


class FakeBubbles(FakeChannel):
    """Implements `ReplyingChannel`; `endings` are those that were seen to, with what the event is answered by."""

    def __init__(self, *, connected: bool) -> None:
        super().__init__()
        self.connected = connected
        self.endings: list[tuple[str, Ending]] = []
        self.replies: list[tuple[str, str]] = []
        """Texts, each with what its event is answered by."""

    def show(self, event: InboundEvent, text: str, reasoning: str = "") -> None:
        del event, text, reasoning

    def notify(self, event: InboundEvent, text: str) -> None:
        del event, text

    def settle(self, event: InboundEvent, ending: Ending) -> bool:
        if self.connected:
            self.endings.append((event.reply_id, ending))
        return self.connected

    async def reply(self, event: InboundEvent, part: Part) -> Receipt:
        receipt = await self.send(event.sender, part)
        self.replies.append((self.sent[-1], event.reply_id))
        return receipt
