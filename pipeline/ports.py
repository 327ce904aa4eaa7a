"""Every seam of the house as a `Protocol`: the core says what it needs, the other floors provide it."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from pipeline.answer import (
    Conversation,
    ConversationContext,
    MessageStyle,
    Outcome,
    Step,
)
from pipeline.errors import Undeliverable
from pipeline.events import InboundEvent, Person
from pipeline.exports import Exported, Format, Wanted
from pipeline.replies import Part, Receipt, Reply, StoredMedia
from pipeline.revisions import ChainRevision as ChainDraft
from pipeline.revisions import MachineState, ReleaseState
from pipeline.spending import ModelUsage, SpentTotals
from pipeline.text.i18n import Sentence
from pipeline.turn_state import (
    OutgoingPart,
    Turn,
)


@dataclass(frozen=True, slots=True)
class ChannelCapabilities:
    """What a channel can do, as data; `message_bytes` is the UTF-8 length one message may have."""

    message_bytes: int
    streams: bool = False
    reasoning: bool = False
    """Whether it shows, while an answer is written, what the model thought before it."""
    pictures: bool = True
    files: bool = True
    voices: bool = True
    styles: bool = False
    """Whether a person may choose between plain text and Markdown."""
    most_messages: int = 0
    """How many messages one answer may have; 0 for as many as it takes."""
    menu: bool = False
    """Whether people have a menu of commands beside the conversation."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """An HTTP request to a channel's path, without the web framework: query decoded once, body raw."""

    method: str
    query: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """What the caller gets back at once."""

    status: int
    body: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """What the company's directory says of a person."""

    name: str
    departments: tuple[int, ...] = ()


class Channel(Protocol):
    """A way to reach people."""

    @property
    def name(self) -> str:
        """Return the table name under `[channels]`."""

    @property
    def capabilities(self) -> ChannelCapabilities:
        """Return what the channel can do."""

    def receive(self, call: WebhookRequest) -> tuple[WebhookResponse, InboundEvent | None]:
        """Verify, decrypt and parse; no I/O, so that the same bytes give the same event.

        Raises `BadCallback` for what does not verify.
        """

    def render(self, replies: Sequence[Reply]) -> tuple[Part, ...]:
        """Return the parts to send for replies, in order; no I/O."""

    async def send(self, person: Person, part: Part) -> Receipt:
        """Deliver one part; `TryAgain` and `Undeliverable` say what to do when it cannot be."""

    async def fetch(self, media_id: str) -> StoredMedia:
        """Store a file that a person sent."""

    async def profile(self, person: Person) -> Profile:
        """Return a person's entry in the directory."""

    async def aclose(self) -> None:
        """Close the connections."""


Ending = Literal["stopped", "interrupted", "nothing", "undelivered", "joined", "refused"]
"""Why no answer stands where one was shown in the making: `nothing` where there was none to give, `refused` where a
guard refuses without another word.

`joined` where the next message is answered for both.
"""


@runtime_checkable
class ReplyingChannel(Channel, Protocol):
    """A channel whose answers go to the message they answer, and which shows them while they are written."""

    def show(self, event: InboundEvent, text: str, reasoning: str = "") -> None:
        """Show the answer so far, whole each time, as soon as may be, and what was thought before it."""

    def notify(self, event: InboundEvent, text: str) -> None:
        """Show a short word beside the answer so far; it is gone in the end."""

    async def reply(self, event: InboundEvent, part: Part) -> Receipt:
        """Deliver one part of the recorded answer to an event, as `send` does."""

    def settle(self, event: InboundEvent, ending: Ending) -> bool:
        """End what is shown of a turn that ends without an answer there, or is left to be taken up later.

        Return whether that is seen to; otherwise it can be done later, here or in another process.
        """


class ConnectionLease(Protocol):
    """Decides which of several processes may hold a connection that there may be only one of."""

    @property
    def seconds(self) -> float:
        """Return how long it is ours from each time it was acquired."""

    async def acquire(self, name: str) -> bool:
        """Whether the connection is ours, taken or renewed by this; raises whatever the database raises."""

    async def release(self, name: str) -> None:
        """Release it, so that another process can acquire it at once."""


@dataclass(frozen=True, slots=True)
class PolledStream:
    """An answer that its platform asks for again and again until it is whole, as it stands.

    `chat` is where it is shown and `asker` who asked, as they are written down; `opened_at` is in seconds since 1970.
    """

    stream_id: str
    chat: str
    asker: str
    opened_at: float
    text: str = ""
    finished: bool = False
    is_read: bool = False
    """Whether the platform has been given it finished."""
    pictures: tuple[StoredMedia, ...] = ()
    """What stands in it when it is finished."""
    address: str = field(default="", repr=False)
    """Where one message more may be sent; whoever has it can send it."""
    addressed: str = ""
    """The digest of the text that was sent there, or may have been."""
    is_address_used: bool = False


class PolledStreamStore(Protocol):
    """Streams that every process can answer for. Its methods raise `TryAgain` while the database is away."""

    async def open(self, stream: PolledStream) -> tuple[PolledStream, bool]:
        """Store a stream unless it is known, and return what is known of it, and whether it is new."""

    async def load(self, stream_id: str) -> PolledStream | None:
        """Return a stream as it stands."""

    async def in_chat(self, chat: str, *, since: float) -> Sequence[PolledStream]:
        """Return the streams of a chat that were opened since a moment, those that are finished first, then by age."""

    async def draft(self, texts: Mapping[str, str]) -> None:
        """Show texts, by the ids of their streams, where these are not finished."""

    async def change(
        self, stream_id: str, change: Callable[[PolledStream], PolledStream]
    ) -> tuple[PolledStream, PolledStream] | None:
        """Change a stream in one transaction; return it as it was and as it is, None where there is none."""


class SendLimiter(Protocol):
    """Keeps within what a channel delivers to one person; beyond it messages vanish without an error."""

    async def acquire(self, person: Person) -> None:
        """Wait a moment, or raise a blameless `TryAgain` for a longer wait; then count one message."""


class SendLog(Protocol):
    """What the outbox remembers of past sends, to start a governor from after a restart."""

    async def sent_since(self, person: Person, seconds: float) -> Sequence[float]:
        """Return the ages, in seconds, of the messages sent to a person in the last `seconds`."""


class MediaStore(Protocol):
    """Files by the SHA-256 of their bytes."""

    async def keep(self, data: bytes, *, mime: str, name: str) -> StoredMedia:
        """Store bytes; the same bytes are stored once."""

    async def read(self, media: StoredMedia) -> bytes:
        """Return the bytes back; `Undeliverable` when they are gone."""


class ImageStore(Protocol):
    """Pictures made fit for whoever is to see them; `Unreadable` for bytes that are none, `TooLarge` for too many."""

    async def keep(self, data: bytes, *, name: str) -> StoredMedia:
        """Store a picture as a JPEG or PNG every channel takes; `name` is without its ending."""

    async def thumbnail(self, media: StoredMedia) -> bytes:
        """Return a stored picture as a JPEG that a model can look at; `Undeliverable` when it is gone."""


class AudioStore(Protocol):
    """Speech made fit for whoever is to hear it; `Unreadable` for bytes that are none, `TooLarge` for too much."""

    async def to_wav(self, media: StoredMedia) -> bytes:
        """Return a stored recording as WAV, 16 kHz, mono; `Undeliverable` when it is gone."""

    async def keep(self, data: bytes, *, name: str) -> tuple[StoredMedia, ...]:
        """Store speech as AMR files of at most 60 s each, in order; `name` is without its ending."""


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The text of a file; of a long one the first pages, of `page_count` in all."""

    pages: tuple[str, ...]
    page_count: int
    is_paged: bool = False
    """Whether the file has pages that it can be quoted by."""


class DocumentReader(Protocol):
    """Reads the text of files."""

    async def text_of(self, media: StoredMedia, *, most: int) -> DocumentText:
        """Return the text of a stored file, and no more than is needed for `most` characters.

        Raises `Unreadable` for a kind that is not read, `TooLarge` in megabytes, and `Undeliverable` when it is gone.
        """


class Inbox(Protocol):
    """Where an event becomes ours to answer."""

    async def accept(self, event: InboundEvent, *, lane: str) -> bool:
        """Return once the event is safely stored: True if it is new, False if we had it.

        Raises `TryAgain` when it could not be stored in time.
        """


class TurnLog(Protocol):
    """Where a running turn is written down; every write is fenced and raises `LaneLost` when it is not ours."""

    async def answered(self, turn: Turn, outcome: Outcome, parts: Sequence[Part], *, failure: str = "") -> Turn:
        """Record changes, parts and the new state in one transaction; return the turn with its parts."""

    async def sent(self, turn: Turn, part: OutgoingPart, receipt: Receipt) -> None:
        """Record that a part left, before the next one does."""

    async def ensure_owned(self, turn: Turn) -> None:
        """Return when a side effect may begin: our claim on the lane stands by our own clock."""


@runtime_checkable
class StyledChannel(Protocol):
    """A channel on which a person may choose how messages look."""

    def render_as(self, replies: Sequence[Reply], style: MessageStyle) -> tuple[Part, ...]:
        """Return the parts to send as `Channel.render` does, in the style a person has chosen."""


class MessageStyles(Protocol):
    """What people have chosen their messages to look like."""

    async def message_style(self, person: Person) -> MessageStyle:
        """Return a person's choice; empty for none."""


class ConversationStore(Protocol):
    """What was said, for those who answer."""

    async def load(self, person: Person, *, turns: int, idle_minutes: int) -> ConversationContext:
        """Return the latest `turns` exchanges; the cost does not grow with what lies before them."""

    async def conversations(self, person: Person, *, limit: int) -> Sequence[Conversation]:
        """Return a person's latest conversations, newest first."""

    async def answered(self, chat: Person, sender: Person) -> bool:
        """Whether a model has answered a person in a chat of late: whether there is anything for them to judge."""


class Spending(Protocol):
    """What answers took so far this month, by the clock of this machine."""

    async def used(self, person: Person) -> Sequence[ModelUsage]:
        """Return what each model took for a person, the dearest first."""

    async def paid(self, person: Person) -> SpentTotals:
        """Return what was paid for a person; the cost does not grow with what they said."""

    async def paid_by_all(self) -> SpentTotals:
        """Return what was paid for everybody, as it was a few seconds ago; that costs nothing in between."""

    def paying(self, cost: int) -> None:
        """Add an answer to the sum for everybody, before it is recorded."""


class Revisions(Protocol):
    """What every chain ever said, and what of it is released; shared by all processes on one database."""

    async def keep(self, drafts: Sequence[ChainDraft]) -> None:
        """Store revisions; one that is known stays as it is."""

    async def release(self, draft: ChainDraft, *, share: int = 100, users: Sequence[str] = ()) -> int:
        """Store a revision and release it, unless that is how the chain stands already; return the release's number."""

    async def latest(self) -> int:
        """Return the number of the latest release, 0 for none."""

    async def standing(self) -> Mapping[str, ReleaseState]:
        """Return how each chain stands that was ever released."""

    async def known(self, chain: str, revision: str) -> bool:
        """Whether a chain ever said this."""

    async def report(self, state: MachineState) -> None:
        """Store what a process answers with, in place of what it said before."""

    async def sign_off(self, machine: str) -> None:
        """Forget what a process said: it ends."""


class Exporter(Protocol):
    """Makes documents of what was said."""

    async def export(self, person: Person, wanted: Wanted, format: Format) -> Exported:  # noqa: A002 (its name)
        """Write a person's conversations; pages are made in another process, so that nobody waits for them here.

        Raises `AnswerFailed` when none could be made.
        """


class AnswerDocuments(Protocol):
    """Makes a document of an answer that is too long for messages."""

    async def document(self, person: Person, question: str, answer: str) -> StoredMedia | None:
        """Return the answer as pages, named after the question; None where they cannot be made now."""


class TurnCanceller(Protocol):
    """Ends a running turn from outside its lane."""

    async def stop(self, person: Person) -> bool:
        """End the turn at the head of the person's lane; False if there is none."""


async def nothing_to_fetch(media_id: str) -> StoredMedia:
    """Return a fetcher for a channel without files: it refuses."""
    raise Undeliverable(Sentence("reason.no_media", media=media_id))


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """A turn put to those who answer."""

    event: InboundEvent
    capabilities: ChannelCapabilities
    trace: str
    chain: str = "default"
    """The chain the channel's settings name."""
    fetch: Callable[[str], Awaitable[StoredMedia]] = nothing_to_fetch
    """Brings a file the event names into the media store, as `Channel.fetch` does."""


class Answerer(Protocol):
    """What answers people."""

    def answer(self, ask: AnswerRequest) -> AsyncGenerator[Step, None]:
        """Yield drafts and notices, and one outcome at the end.

        Raises `AnswerFailed` with the sentence to say, or `TryAgain`.
        """

    def is_question(self, event: InboundEvent) -> bool:
        """Whether an event is words for a model, and no command of anybody's."""
