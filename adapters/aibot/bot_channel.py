"""An AI bot as a channel: what comes over its connection is accepted, and answers go to the message they answer."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import structlog

from adapters.aibot.answer_stream import VERSION_CONFLICT, AnswerStream, StreamTiming
from adapters.aibot.bot_media import LARGEST_UPLOAD, UploadKind, upload
from adapters.aibot.bot_rendering import render
from adapters.aibot.bot_settings import WeComAibotSettings
from adapters.aibot.connection import AckMissing, BotConnection, ConnectionTiming, NotConnected
from adapters.aibot.event_reader import PART_OF_MESSAGE, BotMessage, is_unknown_event, read_message
from adapters.aibot.frames import BotFrame, FrameRefused, markdown_body, stream_id_of
from adapters.aibot.held_connection import HeldConnection
from adapters.aibot.received_media import ReceivedMedia
from adapters.aibot.tickets import MOST_TICKETS, Ticket, Tickets
from adapters.aibot.welcome import plain_welcome, welcome_body
from adapters.wecom.client.errors import error_for
from pipeline import metrics
from pipeline.errors import BadCallback, TryAgain, WriteRefused
from pipeline.events import InboundEvent, Person, Subscribed, Text, UnknownEvent
from pipeline.ports import (
    ChannelCapabilities,
    ConnectionLease,
    Ending,
    MediaStore,
    Profile,
    SendLimiter,
    WebhookRequest,
    WebhookResponse,
)
from pipeline.replies import DocumentPart, FilePart, ImagePart, Part, Receipt, Reply, StoredMedia, TextPart, VoicePart
from pipeline.supervision import SupervisedLoop
from pipeline.text.i18n import Catalogue, Language, Sentence

log = structlog.get_logger()

Accept = Callable[[InboundEvent], Awaitable[bool]]

_WELCOME_SECONDS = 4.5
"""Within which an `enter_chat` can be answered; WeCom says five."""
_MOST_UNCONFIRMED = 3
"""Rounds of last frames without an answer, over a connection that stands, after which an answer counts as sent."""
_UNCONFIRMED_PAUSE = 2.0
_UNCONFIRMED = "WeCom has not confirmed it"
_LATE_ACKS = 4
"""Times the usual wait for the answer to a message of its own, which is its own however late it comes."""
_ACCEPT_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_RECONNECT_SECONDS = 3.0
_MARKDOWN_BYTES = 20_480
_MEDIA_SECONDS = 2.5 * 24 * 3600
"""How long an upload is used again; WeCom forgets it after three days."""
_MOST_UPLOADS = 500


@dataclass(frozen=True, slots=True)
class BotTiming:
    """Seconds of a bot's connection and of its streams."""

    connection: ConnectionTiming = field(default_factory=ConnectionTiming)
    stream: StreamTiming = field(default_factory=StreamTiming)
    settle: float = 20.0
    """For which a conversation waits for a connection, here or in another process, that can end a bubble."""


class AibotChannel:
    """Implements `pipeline.ports.ReplyingChannel` for one bot."""

    def __init__(
        self,
        name: str,
        settings: WeComAibotSettings,
        *,
        send_limiter: SendLimiter,
        media: MediaStore,
        lease: ConnectionLease,
        proxy: str = "",
        language: Language = "zh",
        timing: BotTiming | None = None,
    ) -> None:
        self.name = name
        self.capabilities = ChannelCapabilities(
            message_bytes=_MARKDOWN_BYTES, streams=True, reasoning=settings.thinking == "show"
        )
        self._settings = settings
        self._send_limiter = send_limiter
        self._media = media
        self._catalogue = Catalogue(language)
        self._timing = timing or BotTiming()
        self.connection = BotConnection(
            name,
            settings.connection_url,
            bot_id=settings.bot_id,
            secret=settings.secret.get_secret_value(),
            on_callback=self._take,
            proxy=proxy,
            timing=self._timing.connection,
        )
        self._held = HeldConnection(
            self.connection, lease, name=f"bot/{settings.connection_url}/{settings.bot_id}", channel=name
        )
        self._received = ReceivedMedia(
            media, key=settings.encoding_aes_key.get_secret_value(), proxy=proxy, local=settings.is_local
        )
        self._uploads: OrderedDict[tuple[str, str, str], tuple[str, float]] = OrderedDict()
        """Media ids with the moment they are no longer used, by kind, bytes and name."""
        self._accept: Accept | None = None
        self._loop: SupervisedLoop | None = None
        self._tickets = Tickets(self._new_stream, window=self._timing.stream.window)
        self._tasks: set[asyncio.Task[None]] = set()

    # The connection's side -------------------------------------------------------------------------------------

    def start(self, accept: Accept) -> SupervisedLoop:
        """Connect, and hand over what comes in."""
        self._accept = accept
        self._loop = SupervisedLoop(f"bot {self.name}", self._held.run)
        self._loop.start()
        return self._loop

    def trouble(self) -> str:
        """Return why the bot gets no messages, or nothing."""
        return "" if self._held.is_elsewhere else self.connection.trouble

    def delivers(self) -> bool:
        """Whether this process, of several, is the one that holds the connection."""
        return self._held.is_ours

    def _take(self, frame: BotFrame) -> None:
        if is_unknown_event(frame.body):
            log.debug("bot_event_passed_over", channel=self.name)
            return
        try:
            if len(self._tasks) >= MOST_TICKETS:
                raise FrameRefused("more callbacks at once than can be stored")  # noqa: TRY301 -- counted as the others
            message = read_message(
                frame.body,
                channel=self.name,
                bot_id=self._settings.bot_id,
                names=self._settings.names,
                now=datetime.now(UTC),
            )
        except FrameRefused as refusal:
            self.connection.refuse(refusal)
            return
        if isinstance(message.event.content, UnknownEvent):
            return
        if not message.is_event:
            message = replace(message, event=replace(message.event, reply_id=frame.req_id))
        self._spawn(self._store(message, frame.req_id))

    async def _store(self, message: BotMessage, req_id: str) -> None:
        """Accept a message, which nobody delivers again, before anything of it is answered."""
        event = message.event
        ticket = self._tickets.take(event, req_id, streams=not message.is_event)
        accept = self._accept
        if accept is None:
            return
        new = None
        for pause in (*_ACCEPT_PAUSES, None):
            try:
                for picture in message.pictures:
                    if await accept(picture):
                        self._received.begin(picture)
                new = await accept(event)
                break
            except (TryAgain, WriteRefused) as error:
                log.error("callback_not_stored", channel=self.name, key=event.key, reason=str(error))  # noqa: TRY400
            if pause is not None:
                await asyncio.sleep(pause)
        if new:
            self._received.begin(event)
        if ticket.stream is None:
            return
        if new is None:
            await self._close_stream(ticket.stream, self._catalogue.text("aibot.not_stored"))
            self._tickets.drop(event.key)
        elif new:
            ticket.stream.begin()

    def _new_stream(self, event: InboundEvent, age: float) -> AnswerStream:
        return AnswerStream(
            self.connection,
            event.reply_id,
            stream_id_of(event.key),
            feedback=event.key,
            handed_over=self._catalogue.text("aibot.handed_over"),
            timing=self._timing.stream,
            age=age,
        )

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Future[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("bot_callback_broke", channel=self.name, error=type(error).__name__)

    # The turn's side -------------------------------------------------------------------------------------------

    def render(self, replies: Sequence[Reply]) -> tuple[Part, ...]:
        """Return replies as a bot's client shows them."""
        return render(replies)

    def show(self, event: InboundEvent, text: str, reasoning: str = "") -> None:
        """Show the answer so far, and what was thought before it."""
        if (stream := self._tickets.unanswered(event)) is not None:
            stream.begin()
            stream.show(text, reasoning)

    def notify(self, event: InboundEvent, text: str) -> None:
        """Show a word below the answer so far, which is gone when there is more of it."""
        if (stream := self._tickets.unanswered(event)) is not None:
            stream.begin()
            stream.notify(text)

    def settle(self, event: InboundEvent, ending: Ending) -> bool:
        """End the stream of a turn that is over, or that is left to be taken up again; it must not go on spinning.

        Only who holds the connection can do that: the conversation waits a moment for one that does, and then goes on,
        while this process waits for the connection. Whoever takes a turn up again goes on in its stream.
        """
        stream = self._tickets.open_stream(event)
        if stream is not None and self.connection.state != "subscribed":
            if ending == "interrupted":
                return True
            if ending != "undelivered" and self._tickets.unsettled_for(event.key) < self._timing.settle:
                return False
        self._tickets.settle(event.key)
        if stream is not None:
            self._spawn(self._close_stream(stream, self._catalogue.text(f"aibot.{ending}")))
        return True

    async def reply(self, event: InboundEvent, part: Part) -> Receipt:
        """Send one part of an answer: the first words as the last frame of the stream, the rest as messages."""
        if event.key.endswith(PART_OF_MESSAGE):
            # The picture of a message with words: the words are answered.
            return Receipt()
        await self._send_limiter.acquire(event.chat)
        ticket = self._tickets.find(event)
        try:
            if not isinstance(part, TextPart):
                return await self._file(event, ticket, part)
            remark = ""
            if ticket is not None and not ticket.answered:
                receipt = await self._answer(ticket, part.text)
                if receipt is not None:
                    ticket.answered = True
                    return receipt
                remark = self._left_open(ticket.stream)
            return await self._send(event, markdown_body(part.text), remark=remark)
        except NotConnected as error:
            if not self._held.is_ours:
                # It waits for whoever holds the connection, and comes back to nobody else.
                raise TryAgain(error.args[0], after=0.0, blameless=True) from None
            await self.connection.subscribed(_RECONNECT_SECONDS)
            raise TryAgain(error.args[0], after=1.0, blameless=True) from None

    async def send(self, person: Person, part: Part) -> Receipt:
        """Send one part that answers nothing."""
        nothing = InboundEvent("", person, Text(""), datetime.now(UTC))
        return await self.reply(nothing, part)

    async def _answer(self, ticket: Ticket, text: str) -> Receipt | None:
        """Answer by the callback's own req_id; None where that is no longer possible."""
        if isinstance(ticket.event.content, Subscribed):
            return await self._welcome(ticket, text)
        stream = ticket.stream
        if stream is None:
            return None
        match await stream.finish(text):
            case "shown":
                return Receipt(stream.stream_id)
            case "unknown" if stream.unconfirmed < _MOST_UNCONFIRMED:
                # Its last frame may be sent again, for it says the same: one that was taken is over, and says so.
                raise TryAgain(_UNCONFIRMED, after=_UNCONFIRMED_PAUSE, blameless=True)
            case "unknown":
                return Receipt(stream.stream_id, _UNCONFIRMED)
            case "expired":
                return None
            case "refused" if stream.refused_with == VERSION_CONFLICT:
                # A frame of before is still under way, and would be what is left standing.
                said = Sentence("reason.two_frames", code=VERSION_CONFLICT)
                raise TryAgain(said, code=str(VERSION_CONFLICT))
            case "refused":
                raise error_for(stream.refused_with, "")

    async def _welcome(self, ticket: Ticket, text: str) -> Receipt | None:
        if time.monotonic() - ticket.arrived > _WELCOME_SECONDS:
            return None
        cmd = "aibot_respond_welcome_msg"
        try:
            card = welcome_body(text, ticket.event.key, self._catalogue)
            answer = await self.connection.call(cmd, card, req_id=ticket.req_id)
            if answer.errcode and card != (words := plain_welcome(text)):
                answer = await self.connection.call(cmd, words, req_id=ticket.req_id)
        except AckMissing:
            return Receipt(remark=_UNCONFIRMED)
        return None if answer.errcode else Receipt(ticket.req_id)

    async def _file(
        self, event: InboundEvent, ticket: Ticket | None, part: ImagePart | VoicePart | FilePart | DocumentPart
    ) -> Receipt:
        """Send a file, which no stream can hold: the stream says that it comes."""
        if isinstance(part, DocumentPart):
            data, name = part.text.encode("utf-8", "replace"), part.name
        else:
            data, name = await self._media.read(part.media), part.media.name
        kind: UploadKind = "file"
        if isinstance(part, ImagePart | VoicePart) and len(data) <= LARGEST_UPLOAD[part.kind]:
            kind = part.kind
        key = (kind, hashlib.sha256(data).hexdigest(), name)
        known = self._uploads.get(key)
        if known is None or known[1] < time.monotonic():
            known = await upload(self.connection, kind, data, name), time.monotonic() + _MEDIA_SECONDS
            self._uploads[key] = known
            while len(self._uploads) > _MOST_UPLOADS:
                self._uploads.popitem(last=False)
        if ticket is not None and not ticket.answered and ticket.stream is not None:
            await self._answer(ticket, self._catalogue.text("aibot.file_follows"))
            ticket.answered = True
        return await self._send(event, {"msgtype": kind, kind: {"media_id": known[0]}})

    async def _send(self, event: InboundEvent, message: Mapping[str, object], *, remark: str = "") -> Receipt:
        """Send a message of its own, to the chat's id as it was received, letter by letter."""
        chat = {"chatid": event.group or event.sender.user, "chat_type": 2 if event.group else 1}
        try:
            within = self._timing.connection.ack * _LATE_ACKS
            answer = await self.connection.call("aibot_send_msg", chat | dict(message), within=within)
        except AckMissing:
            # Perhaps it is there: what is sent again is there twice.
            log.warning("bot_answer_unconfirmed", channel=self.name)
            return Receipt(remark=_UNCONFIRMED)
        if answer.errcode:
            log.warning("wecom_refused", api="aibot_send_msg", errcode=answer.errcode)
            raise error_for(answer.errcode, answer.errmsg)
        return Receipt(answer.req_id, remark)

    async def _close_stream(self, stream: AnswerStream, text: str) -> None:
        """End a stream with a word, by the next connection where there is none, for as long as it can be ended."""
        until = time.monotonic() + stream.seconds_left
        while (left := until - time.monotonic()) > 0:
            try:
                await stream.finish(text)
            except NotConnected:
                await asyncio.sleep(self._timing.connection.first_pause)
                await self.connection.subscribed(left)
            else:
                self._left_open(stream)
                return
        metrics.BUBBLES_LEFT.labels(self.name).inc()
        log.warning("bot_stream_left_open", channel=self.name, stream=stream.stream_id, reason="no connection")

    def _left_open(self, stream: AnswerStream | None) -> str:
        """Return what there is to say of a bubble that WeCom lets nobody end; empty for any other."""
        if stream is None or not stream.left_open_with:
            return ""
        reason = f"WeCom takes nothing more for its bubble ({stream.left_open_with})"
        if not stream.is_left_noted:
            stream.is_left_noted = True
            metrics.BUBBLES_LEFT.labels(self.name).inc()
            log.warning("bot_stream_left_open", channel=self.name, stream=stream.stream_id, reason=reason)
        return f"sent as a message: {reason}"

    # What a channel has besides --------------------------------------------------------------------------------

    def receive(self, call: WebhookRequest) -> tuple[WebhookResponse, InboundEvent | None]:
        """Refuse what comes over HTTP: a connected bot is not called."""
        raise BadCallback(f"this bot is not called back ({call.method})", code=0, status=404, reason="mode")

    async def fetch(self, media_id: str) -> StoredMedia:
        """Bring a file somebody sent into the media store; its download was begun when it came."""
        return await self._received.fetch(media_id)

    async def profile(self, person: Person) -> Profile:
        """Return what is known of a person: a bot has no directory."""
        return Profile(person.user)

    async def aclose(self) -> None:
        """End every stream with a word, then the connection."""
        for event in self._tickets.events():
            self.settle(event, "interrupted")
        if self._tasks and self.connection.state == "subscribed":
            await asyncio.wait(self._tasks, timeout=self._timing.connection.ack)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._received.aclose()
        if self._loop is not None:
            await self._loop.stop()
