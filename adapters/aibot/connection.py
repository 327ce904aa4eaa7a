"""The bot's long connection: subscribed for as long as the service runs, and begun again whenever it ends.

aiohttp carries it: it is what the application's HTTP goes by already, and it speaks WebSocket through proxies.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import aiohttp
import structlog

from adapters.aibot.frames import FRAME_BYTES, BotFrame, FrameRefused, new_req_id, read_frame, write_frame
from pipeline import metrics
from pipeline.net import cause_sentence, is_loopback_url
from pipeline.text.i18n import Sentence

log = structlog.get_logger()

NOT_SUBSCRIBED = 846609
"""The connection is not, or no longer, the subscribed one (wecom-protocol.md 8)."""
_WRONG_CREDENTIALS = frozenset({40001, 40013, 40014, 41002, 41004, 42001, 600041, 853000})
_CONNECT_SECONDS = 15.0
_SETTLED_SECONDS = 30.0
"""A connection that ends sooner was not worth much: the pauses go on growing."""
_SILENT_PINGS = 2


@dataclass(frozen=True, slots=True)
class ConnectionTiming:
    """Seconds; as the protocol has them, and shorter in tests."""

    ping: float = 30.0
    ack: float = 5.0
    first_pause: float = 1.0
    longest_pause: float = 60.0
    refused_pause: float = 60.0
    """After refused credentials: subscribing is held to a frequency."""
    kicked_pause: float = 600.0
    """After another connection has taken the bot: two that come back at once would go on for ever."""


class NotConnected(Exception):
    """Nothing was sent: there is no subscribed connection, or it ended just then."""


class AckLost(NotConnected):
    """A frame went out and the connection ended before its answer: whether it was taken is not known."""


class AckMissing(Exception):
    """A frame went out and reached the other side, and its answer did not come: whether it was taken is not known."""


State = Literal["connecting", "subscribed", "refused", "kicked"]


class _Ended(Exception):
    """Why a connection is over."""

    def __init__(self, reason: str, state: State = "connecting") -> None:
        super().__init__(reason)
        self.reason = reason
        self.state = state


@dataclass(slots=True)
class _Session:
    """One socket; `waiting` are the answers that are still to come, by their req_id."""

    socket: aiohttp.ClientWebSocketResponse
    waiting: dict[str, asyncio.Future[BotFrame]] = field(default_factory=dict)
    pings: int = 0
    """Sent and not answered."""
    ended: _Ended | None = None


class BotConnection:
    """Keeps one bot subscribed; `on_callback` is given each message and event, and must not wait."""

    def __init__(
        self,
        channel: str,
        url: str,
        *,
        bot_id: str,
        secret: str,
        on_callback: Callable[[BotFrame], None],
        proxy: str = "",
        timing: ConnectionTiming | None = None,
    ) -> None:
        self._channel = channel
        self._url = url
        self._subscription = {"bot_id": bot_id, "secret": secret}
        self._bot_id = bot_id
        self._on_callback = on_callback
        self._proxy = "" if is_loopback_url(url) else proxy
        self._timing = timing or ConnectionTiming()
        self._session: _Session | None = None
        self._subscribed = asyncio.Event()
        self._retry_now = asyncio.Event()
        self.may_subscribe: Callable[[], bool] = lambda: True
        """Whether the connection may be this process's: to subscribe is to end whoever else's it is."""
        self.state: State = "connecting"
        self._reason: str = Sentence("reason.never_connected")
        self._since = time.monotonic()

    @property
    def trouble(self) -> str:
        """Return why the bot gets no messages, "" while it does or has only just lost them."""
        if self.state == "subscribed":
            return ""
        lasting = time.monotonic() - self._since > self._timing.ack or self.state in {"refused", "kicked"}
        return Sentence("reason.bot_connection", said=self._reason) if lasting else ""

    async def run(self) -> None:
        """Connect for ever."""
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._connect()
            except _Ended as ended:
                end = ended
            except NotConnected as error:
                # A ping, or the answer to one, could not be sent.
                end = _Ended(error.args[0])
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                # Their words may hold the address of a proxy with its password.
                end = _Ended(Sentence("reason.connecting_broke", said=cause_sentence(error)))
            else:
                end = _Ended(Sentence("reason.closed"))
            failures = 1 if time.monotonic() - began > _SETTLED_SECONDS else failures + 1
            pause = self._pause(end, failures)
            self._note(end, pause)
            await self._wait(pause)

    def retry_now(self) -> None:
        """End the present pause."""
        self._retry_now.set()

    async def call(
        self, cmd: str, body: Mapping[str, Any] | None = None, *, req_id: str = "", within: float | None = None
    ) -> BotFrame:
        """Send a frame and return its answer; never two at once with one `req_id`.

        Whoever waits must not be cancelled: the late answer would be taken for the next frame's. Raises `NotConnected`,
        `AckLost` and `AckMissing`.
        """
        session = self._session
        if session is None or not self._subscribed.is_set():
            raise NotConnected(self._reason)
        try:
            return await self._ask(session, cmd, body, req_id=req_id, within=within)
        except AckMissing:
            # What answers a ping has read what was sent before it; what does not is gone, and the frame with it.
            if not await self._is_alive(session):
                raise AckLost(Sentence("reason.silent")) from None
            raise

    async def _is_alive(self, session: _Session) -> bool:
        """Whether the other side answers; the connection to one that does not is ended."""
        try:
            await self._ask(session, "ping", None)
        except AckMissing:
            session.ended = session.ended or _Ended(Sentence("reason.two_unanswered"))
            await session.socket.close()
            return False
        except NotConnected:
            return False
        return True

    async def subscribed(self, within: float) -> bool:
        """Wait for a subscribed connection; False if it takes too long."""
        try:
            async with asyncio.timeout(within):
                await self._subscribed.wait()
        except TimeoutError:
            return False
        return True

    async def _connect(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as client:
            async with asyncio.timeout(_CONNECT_SECONDS):
                socket = await client.ws_connect(
                    self._url, proxy=self._proxy or None, max_msg_size=8 * FRAME_BYTES, autoping=True, compress=0
                )
            session = _Session(socket)
            reader = asyncio.create_task(self._read(session), name=f"{self._channel} reads")
            try:
                await self._subscribe(session)
                self._session, self.state, self._since = session, "subscribed", time.monotonic()
                self._subscribed.set()
                log.info("bot_connected", channel=self._channel, bot_id=self._bot_id)
                await self._ping_until_over(session, reader)
            finally:
                self._session = None
                self._subscribed.clear()
                if self.state == "subscribed":
                    self.state, self._since = "connecting", time.monotonic()
                reader.cancel()
                for waiting in session.waiting.values():
                    if not waiting.done():
                        waiting.set_exception(AckLost(Sentence("reason.connection_ended")))
                        # Nobody may be there to look at it any more.
                        waiting.exception()
                try:
                    await asyncio.gather(reader, return_exceptions=True)
                finally:
                    # Also for whoever gives the connection up just now.
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._timing.ack):
                            await socket.close()
            if session.ended is not None:
                raise session.ended

    async def _subscribe(self, session: _Session) -> None:
        if not self.may_subscribe():
            raise _Ended("another process may hold the connection")
        try:
            answer = await self._ask(session, "aibot_subscribe", self._subscription)
        except AckMissing:
            raise _Ended(Sentence("reason.subscription_unanswered")) from None
        except NotConnected:
            raise session.ended or _Ended(Sentence("reason.subscription_closed")) from None
        if answer.errcode in _WRONG_CREDENTIALS:
            raise _Ended(Sentence("reason.subscription_wrong", code=answer.errcode), "refused")
        if answer.errcode:
            raise _Ended(Sentence("reason.subscription_refused", code=answer.errcode))

    async def _ping_until_over(self, session: _Session, reader: "asyncio.Task[None]") -> None:
        """Ping until the reader ends; a peer that leaves two pings unanswered is no longer there."""
        while True:
            done, _ = await asyncio.wait({reader}, timeout=self._timing.ping)
            if done:
                reader.result()
                return
            if session.pings >= _SILENT_PINGS:
                raise _Ended(Sentence("reason.pings_unanswered", count=_SILENT_PINGS))
            session.pings += 1
            req_id = new_req_id("ping")
            answer: asyncio.Future[BotFrame] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(partial(_count_pong, session))
            session.waiting[req_id] = answer
            await self._send(session, write_frame("ping", req_id))

    async def _ask(
        self,
        session: _Session,
        cmd: str,
        body: Mapping[str, Any] | None,
        *,
        req_id: str = "",
        within: float | None = None,
    ) -> BotFrame:
        req_id = req_id or new_req_id(cmd)
        answer: asyncio.Future[BotFrame] = asyncio.get_running_loop().create_future()
        session.waiting[req_id] = answer
        try:
            await self._send(session, write_frame(cmd, req_id, body))
            done, _ = await asyncio.wait({answer}, timeout=within or self._timing.ack)
        finally:
            if session.waiting.get(req_id) is answer:
                del session.waiting[req_id]
        if not done:
            raise AckMissing(Sentence("reason.not_answered", cmd=cmd))
        frame = answer.result()
        if frame.errcode == NOT_SUBSCRIBED and cmd != "aibot_subscribe":
            # It looks alive and hears nothing: only another connection helps.
            session.ended = _Ended(Sentence("reason.not_subscribed", code=NOT_SUBSCRIBED))
            await session.socket.close()
            raise NotConnected(session.ended.reason)
        return frame

    async def _send(self, session: _Session, text: str) -> None:
        try:
            async with asyncio.timeout(self._timing.ack):
                await session.socket.send_str(text)
        except (ConnectionError, RuntimeError, aiohttp.ClientError, TimeoutError):
            raise NotConnected(Sentence("reason.connection_ended")) from None

    async def _read(self, session: _Session) -> None:
        async for message in session.socket:
            if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                try:
                    await self._take(session, read_frame(message.data))
                except FrameRefused as refusal:
                    self.refuse(refusal)
            if session.ended is not None:
                break
        for waiting in session.waiting.values():
            if not waiting.done():
                waiting.set_exception(AckLost(Sentence("reason.connection_ended")))
                waiting.exception()

    async def _take(self, session: _Session, frame: BotFrame) -> None:
        match frame.cmd:
            case "":
                waiting = session.waiting.pop(frame.req_id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(frame)
            case "aibot_event_callback" if _is_disconnection(frame.body):
                # Some servers leave the socket open and go on answering pings: it is closed from here.
                session.ended = _Ended(Sentence("reason.kicked"), "kicked")
                await session.socket.close()
            case "aibot_msg_callback" | "aibot_event_callback":
                if session.ended is None:
                    self._on_callback(frame)
            case "ping":
                await self._send(session, write_frame("pong", frame.req_id))
            case _:
                log.debug("bot_frame_passed_over", channel=self._channel)

    def refuse(self, refusal: FrameRefused) -> None:
        """Count a frame that is no use; `web.logs.log_limits` writes the first such line of a minute."""
        metrics.REFUSED_CALLBACKS.labels(self._channel, "frame").inc()
        log.warning("bot_frame_refused", channel=self._channel, reason=str(refusal))

    def _pause(self, ended: _Ended, failures: int) -> float:
        timing = self._timing
        growing = min(timing.longest_pause, timing.first_pause * 2.0 ** min(failures - 1, 10))
        # Several bots that lost one server must not come back in step.
        growing *= random.uniform(0.75, 1.0)  # noqa: S311
        match ended.state:
            case "kicked":
                return timing.kicked_pause
            case "refused":
                return max(timing.refused_pause, growing)
            case _:
                return growing

    def _note(self, ended: _Ended, pause: float) -> None:
        if self.state == "subscribed" or self.state != ended.state:
            self._since = time.monotonic()
        self.state, self._reason = ended.state, ended.reason
        write = log.error if ended.state in {"kicked", "refused"} else log.warning
        write(
            "bot_disconnected", channel=self._channel, bot_id=self._bot_id, reason=ended.reason, seconds=round(pause, 1)
        )

    async def _wait(self, seconds: float) -> None:
        self._retry_now.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._retry_now.wait()


def _count_pong(session: _Session, answer: "asyncio.Future[BotFrame]") -> None:
    if not answer.cancelled() and answer.exception() is None and answer.result().errcode == 0:
        session.pings = 0


def _is_disconnection(body: Mapping[str, Any]) -> bool:
    event = body.get("event")
    return isinstance(event, dict) and event.get("eventtype") == "disconnected_event"
