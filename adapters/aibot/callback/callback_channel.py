"""An AI bot that WeCom calls back: a message is answered with dots, and then asked after until its answer is whole.

What is shown of an answer stands in the database, so that any process can say it and a restart breaks nothing off.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from adapters.aibot.bot_rendering import MOST_MESSAGES, render_polled
from adapters.aibot.bot_settings import WeComAibotSettings
from adapters.aibot.callback.callback_envelope import CallbackEnvelope
from adapters.aibot.callback.response_address import ResponseAddress, usable_address
from adapters.aibot.drafts import STREAM_BYTES, WAITING, draft, with_thinking, without_thinking
from adapters.aibot.event_reader import PART_OF_MESSAGE, BotMessage, is_unknown_event, read_message
from adapters.aibot.frames import STREAM_ID, FrameRefused, stream_body, stream_id_of
from adapters.aibot.polled_pictures import picture_items
from adapters.aibot.received_media import ReceivedMedia
from adapters.aibot.welcome import welcome_body
from adapters.wecom.callback.xml import UNREADABLE
from pipeline.errors import BadCallback, TryAgain, Undeliverable
from pipeline.events import Clicked, Feedback, InboundEvent, Person, Subscribed, UnknownEvent
from pipeline.ports import (
    ChannelCapabilities,
    Ending,
    MediaStore,
    PolledStream,
    PolledStreamStore,
    Profile,
    SendLimiter,
    WebhookRequest,
    WebhookResponse,
)
from pipeline.replies import ImagePart, Part, Receipt, Reply, StoredMedia, TextPart
from pipeline.text.i18n import Catalogue, Language, Sentence

log = structlog.get_logger()

Accept = Callable[[InboundEvent], Awaitable[bool]]
Change = Callable[[PolledStream], PolledStream]

_Draft = tuple[str, str, str]
"""Text, notice and reasoning."""
_NO_DRAFT: _Draft = ("", "", "")
_CLOSING_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class PollTiming:
    """Seconds of answers that WeCom asks for."""

    draft: float = 0.5
    """Between two times that what is shown is stored."""
    look: float = 0.25
    """Between two looks at whether another process has changed a stream."""
    unread: float = 15.0
    """After which an answer that nobody asks for goes by `response_url`; WeCom asks about once a second."""
    window: float = 330.0
    """From the message; WeCom asks for six minutes."""
    asked: float = 375.0
    """From the message, for which somebody may ask: WeCom's six minutes, and a little for its clock."""
    welcome: float = 3.5
    """Within which an `enter_chat` is answered; WeCom waits for five."""


class CallbackBotChannel:
    """Implements `pipeline.ports.ReplyingChannel` for one bot."""

    def __init__(  # noqa: PLR0913 -- what it is opened with, by name
        self,
        name: str,
        settings: WeComAibotSettings,
        *,
        streams: PolledStreamStore,
        media: MediaStore,
        send_limiter: SendLimiter,
        proxy: str = "",
        language: Language = "zh",
        timing: PollTiming | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.capabilities = ChannelCapabilities(
            message_bytes=STREAM_BYTES,
            streams=True,
            reasoning=settings.thinking == "show",
            files=False,
            voices=False,
            most_messages=MOST_MESSAGES,
        )
        self._settings = settings
        self._streams = streams
        self._media = media
        self._send_limiter = send_limiter
        self._catalogue = Catalogue(language)
        self._timing = timing or PollTiming()
        self._clock = clock
        self._envelope = CallbackEnvelope(settings.keyring)
        self._address = ResponseAddress(name, streams, proxy=proxy)
        self._received = ReceivedMedia(
            media, key=settings.encoding_aes_key.get_secret_value(), proxy=proxy, local=settings.is_local
        )
        self._drafts: dict[str, _Draft] = {}
        """What is to be stored, by the ids of streams."""
        self._drafting: asyncio.Task[None] | None = None
        self._watched: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # WeCom's side ----------------------------------------------------------------------------------------------

    def receive(self, call: WebhookRequest) -> tuple[WebhookResponse, InboundEvent | None]:
        """Refuse: answers come out of the database, by `respond`."""
        raise BadCallback(f"this bot is asked by respond ({call.method})", code=0, status=404, reason="mode")

    async def respond(self, call: WebhookRequest, accept: Accept) -> WebhookResponse:
        """Answer a callback: a message once it is stored, a refresh with what there is to show by now.

        Raises `BadCallback`, and `TryAgain` for what WeCom should send again.
        """
        if call.method == "GET":
            return WebhookResponse(200, self._envelope.echo(call))
        body = self._envelope.open(call)
        if is_unknown_event(body):
            return WebhookResponse(200)
        try:
            message = read_message(
                body,
                channel=self.name,
                bot_id=self._settings.bot_id,
                names=self._settings.names,
                now=datetime.now(UTC),
            )
        except FrameRefused as refusal:
            raise BadCallback(str(refusal), code=UNREADABLE, status=400, reason="content") from None
        if body.get("msgtype") == "stream":
            answer: Mapping[str, Any] | None = await self._refreshed(message, body.get("stream"))
        else:
            answer = await self._taken(message, accept, body.get("response_url"))
        if answer is None:
            return WebhookResponse(200)
        # Pictures may be many megabytes.
        return WebhookResponse(200, await asyncio.to_thread(self._envelope.seal, answer, call))

    async def _taken(self, message: BotMessage, accept: Accept, address: object) -> Mapping[str, Any] | None:
        """Store a message, and the stream of its answer before it, and return what is shown of it."""
        event = message.event
        if isinstance(event.content, UnknownEvent):
            return None
        if isinstance(event.content, Feedback):
            await accept(event)
            return None
        stream, is_new = await self._streams.open(
            PolledStream(
                stream_id_of(event.key),
                str(event.chat),
                str(event.sender),
                self._clock(),
                address=usable_address(address, local=self._settings.is_local),
            )
        )
        for picture in message.pictures:
            if await accept(picture):
                self._received.begin(picture)
        if await accept(event):
            self._received.begin(event)
        elif is_new:
            # Neither new nor known: its time is too far off for it to be answered.
            stream = (
                await self._change(stream.stream_id, _finished(self._catalogue.text("aibot.out_of_time"))) or stream
            )
        if isinstance(event.content, Subscribed):
            return await self._welcomed(stream.stream_id, event.key)
        if message.is_event:
            # Its answer comes by response_url: what could be said here is a card in place of the pressed one.
            return None
        return await self._shown(stream, feedback=event.key)

    async def _welcomed(self, stream_id: str, key: str) -> Mapping[str, Any] | None:
        """Return the welcome, which stands in the answer to the event itself or nowhere."""
        stream = await self._until(stream_id, lambda now: now.finished, self._timing.welcome)
        if stream is None or not stream.finished:
            log.warning("bot_welcome_too_late", channel=self.name)
            return None
        await self._change(stream_id, _read)
        return welcome_body(stream.text, key, self._catalogue)

    async def _refreshed(self, message: BotMessage, asked: object) -> Mapping[str, Any]:
        stream_id = asked.get("id") if isinstance(asked, dict) else None
        if not isinstance(stream_id, str) or not stream_id:
            raise BadCallback("a refresh without a stream", code=UNREADABLE, status=400, reason="content")
        stream = await self._streams.load(stream_id) if STREAM_ID.fullmatch(stream_id) else None
        if stream is None or stream.chat != str(message.event.chat):
            # WeCom goes on asking for what is not said to be finished.
            return stream_body(stream_id, self._catalogue.text("aibot.unknown_stream"), finish=True)
        return await self._shown(stream)

    async def _shown(self, stream: PolledStream, *, feedback: str = "") -> Mapping[str, Any]:
        """Return a stream as it stands; it is ended with a sentence before WeCom stops asking."""
        if not stream.finished and self._clock() - stream.opened_at > self._timing.window:
            handed_over = self._catalogue.text("aibot.handed_over")
            stream = await self._change(stream.stream_id, _finished(handed_over)) or stream
        if stream.finished and not stream.is_read:
            stream = await self._change(stream.stream_id, _read) or stream
        body = stream_body(stream.stream_id, stream.text or WAITING, finish=stream.finished, feedback=feedback)
        if stream.finished and stream.pictures:
            body["stream"]["msg_item"] = await picture_items(self._media, stream.pictures)
        return body

    # The turn's side -------------------------------------------------------------------------------------------

    def render(self, replies: Sequence[Reply]) -> tuple[Part, ...]:
        """Return replies as a stream and the one message after it can hold them."""
        return render_polled(replies, self._catalogue)

    def show(self, event: InboundEvent, text: str, reasoning: str = "") -> None:
        """Show the answer so far, and what was thought before it."""
        self._draft(stream_id_of(event.key), (text, "", reasoning))

    def notify(self, event: InboundEvent, text: str) -> None:
        """Show a word below the answer so far, which is gone when there is more of it."""
        stream_id = stream_id_of(event.key)
        shown, _, reasoning = self._drafts.get(stream_id, _NO_DRAFT)
        self._draft(stream_id, (shown, text, reasoning))

    def settle(self, event: InboundEvent, ending: Ending) -> bool:
        """End the stream of a turn that is over; one that is taken up again goes on in the same stream."""
        if ending != "interrupted" and not event.key.endswith(PART_OF_MESSAGE):
            task = asyncio.create_task(self._settle(stream_id_of(event.key), self._catalogue.text(f"aibot.{ending}")))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return True

    async def reply(self, event: InboundEvent, part: Part) -> Receipt:
        """Finish the stream with the first words of an answer; what comes after them goes by `response_url`."""
        if event.key.endswith(PART_OF_MESSAGE):
            # The picture of a message with words: the words are answered.
            return Receipt()
        await self._send_limiter.acquire(event.chat)
        stream_id = stream_id_of(event.key)
        match part:
            case TextPart(text):
                if isinstance(event.content, Clicked):
                    await self._follow(event, text)
                    return Receipt(stream_id)
                return await self._finish(event, text)
            case ImagePart(media):
                return await self._picture(event, media)
            case _:
                raise Undeliverable(Sentence("reason.callback_kinds"))

    async def send(self, person: Person, part: Part) -> Receipt:
        """Refuse: a bot that is called back only answers."""
        raise Undeliverable(Sentence("reason.callback_no_push", kind=part.kind, person=person))

    async def _picture(self, event: InboundEvent, media: StoredMedia) -> Receipt:
        """Put a picture at the end of the stream, or of one after it that is still open."""
        later = await self._streams.in_chat(str(event.chat), since=self._clock() - self._timing.window)
        own = stream_id_of(event.key)
        for stream_id in (own, *(one.stream_id for one in later if not one.finished and one.stream_id != own)):
            stream = await self._change(stream_id, _with_picture(media))
            if stream is not None and media in stream.pictures:
                return Receipt(stream_id)
        raise Undeliverable(Sentence("reason.callback_picture"), until_message=True)

    async def _finish(self, event: InboundEvent, text: str) -> Receipt:
        stream_id = stream_id_of(event.key)
        _, _, reasoning = self._drafts.pop(stream_id, _NO_DRAFT)
        stream = await self._change(stream_id, _finished(with_thinking(text, reasoning)))
        if stream is not None and without_thinking(stream.text) == text:
            if isinstance(event.content, Subscribed):
                return await self._welcome_receipt(stream)
            # Of one that is older nobody asks, and a lane full of them would wait for each.
            left = stream.opened_at + self._timing.asked - self._clock()
            stream = await self._until(stream_id, lambda now: now.is_read, min(self._timing.unread, left))
            if stream is not None and not stream.is_read:
                # Nobody asks. Should somebody yet, they read that it comes as a message, unless they just have.
                stream = await self._change(stream_id, _withdrawn(self._catalogue.text("aibot.handed_over")))
            if stream is not None and stream.is_read and without_thinking(stream.text) == text:
                return Receipt(stream_id)
        # The one message has become the answer's first; whatever follows it has no address left.
        handed_over = stream is not None and stream.text == self._catalogue.text("aibot.handed_over")
        if handed_over and len(text.encode()) > STREAM_BYTES // 2:
            text = f"{text}\n\n{self._catalogue.text('aibot.may_go_on')}"
        await self._follow(event, text)
        return Receipt(stream_id)

    async def _welcome_receipt(self, stream: PolledStream) -> Receipt:
        """Return a receipt that notes a welcome that did not go out with the answer to its event."""
        left = stream.opened_at + self._timing.welcome - self._clock()
        now = await self._until(stream.stream_id, lambda now: now.is_read, min(self._timing.welcome, left))
        went = now is not None and now.is_read
        return Receipt(stream.stream_id, "" if went else Sentence("reason.welcome_late"))

    async def _follow(self, event: InboundEvent, text: str) -> None:
        """Send what does not go by the stream, with the thumbs of the same answer."""
        await self._address.send(
            stream_id_of(event.key), text, chat=str(event.chat), now=self._clock(), feedback=event.key
        )

    async def _settle(self, stream_id: str, text: str) -> None:
        self._drafts.pop(stream_id, None)
        try:
            await self._change(stream_id, _finished(text))
        except TryAgain as error:
            log.warning("bot_stream_left_open", channel=self.name, stream=stream_id, reason=str(error))

    def _draft(self, stream_id: str, shown: _Draft) -> None:
        self._drafts[stream_id] = shown
        if self._drafting is None or self._drafting.done():
            self._drafting = asyncio.create_task(self._store_drafts(), name=f"{self.name} drafts")

    async def _store_drafts(self) -> None:
        """Store what there is to show, of all streams in one transaction, until there is no more."""
        stored: dict[str, _Draft] = {}
        while new := {stream_id: shown for stream_id, shown in self._drafts.items() if stored.get(stream_id) != shown}:
            with suppress(TryAgain):
                # Only for show: what is not stored now is stored with the next words.
                await self._streams.draft({stream_id: draft(*shown) for stream_id, shown in new.items()})
            stored = {stream_id: shown for stream_id, shown in (stored | new).items() if stream_id in self._drafts}
            await asyncio.sleep(self._timing.draft)

    # Streams ---------------------------------------------------------------------------------------------------

    async def _change(self, stream_id: str, change: Change) -> PolledStream | None:
        changed = await self._streams.change(stream_id, change)
        if (watched := self._watched.get(stream_id)) is not None:
            watched.set()
        return None if changed is None else changed[1]

    async def _until(
        self, stream_id: str, reached: Callable[[PolledStream], bool], seconds: float
    ) -> PolledStream | None:
        """Return a stream when it is as wanted, or as it is after so many seconds."""
        end = asyncio.get_running_loop().time() + seconds
        changed = self._watched.setdefault(stream_id, asyncio.Event())
        try:
            while True:
                changed.clear()
                stream = await self._streams.load(stream_id)
                if stream is None or reached(stream) or asyncio.get_running_loop().time() >= end:
                    return stream
                # Another process may change it, of which this one hears nothing.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._timing.look):
                        await changed.wait()
        finally:
            self._watched.pop(stream_id, None)

    # What a channel has besides --------------------------------------------------------------------------------

    async def fetch(self, media_id: str) -> StoredMedia:
        """Bring a file somebody sent into the media store; its download was begun when it came."""
        return await self._received.fetch(media_id)

    async def profile(self, person: Person) -> Profile:
        """Return what is known of a person: a bot has no directory."""
        return Profile(person.user)

    async def aclose(self) -> None:
        """Store the ends of streams, and close the connections; unfinished ones are taken up at the next start."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSING_SECONDS)
        tasks = [*self._tasks, *([self._drafting] if self._drafting is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._received.aclose()
        await self._address.aclose()


def _finished(text: str) -> Change:
    return lambda now: now if now.finished else replace(now, text=text, finished=True)


def _read(now: PolledStream) -> PolledStream:
    return replace(now, is_read=True) if now.finished else now


def _withdrawn(words: str) -> Change:
    return lambda now: now if now.is_read else replace(now, text=words)


def _with_picture(media: StoredMedia) -> Change:
    return lambda now: now if now.finished or media in now.pictures else replace(now, pictures=(*now.pictures, media))
