"""WeCom's side of AI bots' connections: a WebSocket server with the platform's rules, error codes and mishaps."""

import asyncio
import json
import secrets
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from aiohttp import WSCloseCode, WSMsgType, web

from adapters.simulator.bots.bot_answers import ERRORS, BotAnswers, SentCallback
from adapters.simulator.bots.bot_bodies import callback_body
from adapters.simulator.bots.bot_files import FILE_KEY, BotUploads, sealed_file
from adapters.simulator.bots.bot_poller import BotPoller
from adapters.simulator.bots.bot_screen import BotScreen
from adapters.simulator.callback_sender import DeliveryResult
from adapters.simulator.faults import BotMishap, BotMishapName, Faults, Rule
from adapters.simulator.platform.apps import App
from adapters.simulator.platform.errcodes import ApiError
from adapters.simulator.platform.state import Platform, chat_of
from adapters.simulator.platform.timeline import MemberAction
from pipeline.events import Text

_FRAME_BYTES = 2 * 1024 * 1024
_LATE_SECONDS = 0.3


@dataclass(eq=False, slots=True)
class _Link:
    """One socket, and the bot that has subscribed on it."""

    socket: web.WebSocketResponse
    app: App | None = None
    under_way: set[str] = field(default_factory=set)
    """The req_ids of the answers that are worked on."""


class BotServer:
    """The server; `frames` counts what came by its command."""

    def __init__(self, platform: Platform, faults: Faults) -> None:
        self._platform = platform
        self._runner: web.AppRunner | None = None
        self._links: dict[str, _Link] = {}
        self._all: set[_Link] = set()
        self._faults = faults
        self._late: set[asyncio.Task[None]] = set()
        self._linked = asyncio.Event()
        screen = BotScreen(platform)
        self.answers = BotAnswers(screen, faults)
        self.poller = BotPoller(screen, faults)
        self._uploads = BotUploads(platform.uploads)
        self._base = ""
        self.frames: Counter[str] = Counter()
        self.mute = False
        """Whether nothing is answered, as by a peer that has gone without a word."""
        self.seconds_under_way = 0.002
        """How long WeCom works on an answer: another with its req_id is refused until then."""
        self.conflicts = 0
        """Answers that were refused because another was under way."""
        self.most_in_progress = 0
        """Bubbles for whose end a member may wait before a message more; 0 for any number.

        WeCom's is three, and what becomes of a fourth message is not documented: here the bot never hears of it.
        """
        self.withheld: deque[float] = deque(maxlen=20_000)
        """When a frame was taken and its answer was lost or late, in seconds since 1970."""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the address of the WebSocket."""
        app = web.Application()
        app.router.add_get("/", self._serve)
        app.router.add_get("/media/{corp_id}/{agent_id}/{media_id}", self._media)
        app.router.add_post("/cgi-bin/aibot/response", self.poller.take_response)
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        bound = self._runner.addresses[0][1]
        self._base = f"http://{host}:{bound}"
        return f"ws://{host}:{bound}"

    async def stop(self) -> None:
        """Close every connection and the socket."""
        await self.poller.aclose()
        for link in list(self._all):
            await link.socket.close(code=WSCloseCode.GOING_AWAY)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def add_fault(self, name: BotMishapName, calls: int | None = 1) -> int:
        """Make something go wrong, the next so many times; return the number under which it can be cleared."""
        return self._faults.set(Rule(BotMishap(name), calls=calls))

    def is_connected(self, app: App) -> bool:
        """Whether a bot has subscribed."""
        return app.bot_id in self._links

    @property
    def shown(self) -> list[tuple[float, Mapping[str, Any]]]:
        """Return the latest stream frames that were taken, with their moments."""
        return self.answers.shown

    async def connected(self, app: App, within: float = 5.0) -> None:
        """Wait until a bot has subscribed; raises `TimeoutError`."""
        async with asyncio.timeout(within):
            while not self.is_connected(app):
                self._linked.clear()
                await self._linked.wait()

    async def deliver(self, app: App, said: MemberAction) -> DeliveryResult:
        """Send the bot what a member did; without a connection nobody hears of it, now or later."""
        began = time.monotonic()
        if app.callback_url:
            return await self._call_back(app, said)
        if app.bot_id in self._links and self._faults.at_bot("kicked"):
            await self.kick(app)
        link = self._links.get(app.bot_id)
        msgid = said.msg_id or f"event{said.number}-{secrets.token_hex(4)}"
        waits = self.most_in_progress and self.answers.in_progress(app, said.user) >= self.most_in_progress
        if link is None or (waits and said.msg_id):
            return DeliveryResult(msgid, (0,), (0.0,))
        cmd, body = callback_body(
            app, self._heard(said), msgid, lambda media_id: {"url": self._address(app, media_id), "aeskey": FILE_KEY}
        )
        try:
            for _ in range(2 if self._faults.at_bot("redelivered") else 1):
                await self.send(link, cmd, body, said, app)
        except ConnectionError:
            # It ends just now.
            return DeliveryResult(msgid, (0,), (0.0,))
        return DeliveryResult(msgid, (200,), (time.monotonic() - began,))

    async def _call_back(self, app: App, said: MemberAction) -> DeliveryResult:
        msgid = said.msg_id or f"event{said.number}-{secrets.token_hex(4)}"
        _, body = callback_body(app, self._heard(said), msgid, lambda media_id: {"url": self._address(app, media_id)})
        chat = chat_of(said.user, said.group)
        delivered = await self.poller.deliver(app, chat, body, base=self._base)
        if self._faults.at_bot("redelivered"):
            await self.poller.ask(app, body)
        return delivered

    def _heard(self, said: MemberAction) -> MemberAction:
        """Return what the bot is told somebody did."""
        if isinstance(said.content, Text) and self._faults.at_bot("control_characters"):
            return replace(said, content=replace(said.content, text=f"{said.content.text}\x01\x1f"))
        return said

    def _address(self, app: App, media_id: str) -> str:
        return f"{self._base}/media/{app.corp_id}/{app.agent_id}/{media_id}"

    async def redeliver(self, app: App, said: MemberAction) -> None:
        """Send a message once more, under a req_id of its own."""
        await self.deliver(app, said)

    async def send(self, link: _Link, cmd: str, body: Mapping[str, Any], said: MemberAction, app: App) -> str:
        """Send a callback and return its req_id."""
        req_id = secrets.token_hex(16)
        chat = chat_of(said.user, said.group)
        self.answers.expect(req_id, SentCallback(app, said.user, chat, time.monotonic(), cmd == "aibot_event_callback"))
        # As WeCom does: control characters of people's words stand in the JSON as they are.
        text = json.dumps({"cmd": cmd, "headers": {"req_id": req_id}, "body": body}, ensure_ascii=False)
        await link.socket.send_str(text.replace("\\u0001", "\x01").replace("\\u001f", "\x1f"))
        return req_id

    async def send_raw(self, app: App, data: str | bytes) -> None:
        """Send a bot anything at all."""
        socket = self._links[app.bot_id].socket
        await (socket.send_str(data) if isinstance(data, str) else socket.send_bytes(data))

    async def drop(self, app: App) -> None:
        """End a bot's connection without a word."""
        link = self._links.pop(app.bot_id, None)
        if link is not None and (transport := link.socket._req.transport) is not None:  # type: ignore[union-attr]  # noqa: SLF001
            transport.abort()

    async def kick(self, app: App) -> None:
        """Send a bot the news that another connection has subscribed."""
        link = self._links.pop(app.bot_id)
        await self._disconnect(link, app)

    async def _disconnect(self, link: _Link, app: App) -> None:
        event = {"msgid": secrets.token_hex(8), "create_time": int(time.time()), "aibotid": app.bot_id}
        body = event | {"msgtype": "event", "event": {"eventtype": "disconnected_event"}}
        text = json.dumps({"cmd": "aibot_event_callback", "headers": {"req_id": secrets.token_hex(8)}, "body": body})
        await link.socket.send_str(text)
        link.app = None
        if not self._faults.at_bot("deaf"):
            await link.socket.close()

    async def _media(self, request: web.Request) -> web.Response:
        """Answer with a file as WeCom stores it for bots: encrypted."""
        try:
            corp_id, agent_id = request.match_info["corp_id"], int(request.match_info["agent_id"])
            app = self._platform.apps[corp_id, agent_id]
            media = self._platform.uploads.find(corp_id, request.match_info["media_id"])
        except (ApiError, KeyError, ValueError):
            return web.Response(status=404)
        name = quote(media.label.name or "file", safe="")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return web.Response(
            body=sealed_file(media.data, app.encoding_aes_key if app.callback_url else FILE_KEY), headers=headers
        )

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=_FRAME_BYTES, compress=False)
        await socket.prepare(request)
        link = _Link(socket)
        self._all.add(link)
        try:
            async for message in socket:
                try:
                    if message.type is WSMsgType.TEXT and not await self._take(link, message.data):
                        break
                except ConnectionError:
                    # Whoever asked is gone before the answer.
                    break
        finally:
            self._all.discard(link)
            if link.app is not None and self._links.get(link.app.bot_id) is link:
                del self._links[link.app.bot_id]
        return socket

    async def _take(self, link: _Link, text: str) -> bool:
        """Answer a frame; False ends the connection."""
        try:
            fields = json.loads(text)
            cmd, req_id, body = str(fields["cmd"]), str(fields["headers"]["req_id"]), fields.get("body") or {}
        except (ValueError, KeyError, TypeError):
            return False
        self.frames[cmd] += 1
        if self.mute:
            return True
        goes_wrong = self._faults.at_bot if cmd not in {"aibot_subscribe", "ping"} else _never
        if goes_wrong("drop"):
            return False
        takes_time = cmd == "aibot_respond_msg" and req_id not in link.under_way
        errcode, errmsg, more = await self._answer(link, cmd, req_id, body)
        if goes_wrong("drop_after"):
            return False
        answer = {"headers": {"req_id": req_id}, "errcode": errcode, "errmsg": errmsg, **more}
        if goes_wrong("lose_ack"):
            self.withheld.append(self._platform.clock())
        elif goes_wrong("late_ack"):
            self.withheld.append(self._platform.clock())
            self._send_later(link, answer, _LATE_SECONDS)
        elif takes_time:
            link.under_way.add(req_id)
            self._send_later(link, answer, self.seconds_under_way)
        elif not link.socket.closed:
            await link.socket.send_str(json.dumps(answer, ensure_ascii=False))
        return True

    def _send_later(self, link: _Link, answer: Mapping[str, Any], seconds: float) -> None:
        async def send() -> None:
            await asyncio.sleep(seconds)
            link.under_way.discard(answer["headers"]["req_id"])
            if not link.socket.closed:
                with suppress(ConnectionError):
                    await link.socket.send_str(json.dumps(answer, ensure_ascii=False))

        task = asyncio.create_task(send())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _answer(
        self, link: _Link, cmd: str, req_id: str, body: Mapping[str, Any]
    ) -> tuple[int, str, dict[str, Any]]:
        if cmd == "ping":
            return 0, "ok", {}
        if cmd == "aibot_subscribe":
            return (*await self._subscribe(link, body), {})
        if link.app is None or self._faults.at_bot("not_subscribed"):
            return (*ERRORS["not_subscribed"], {})
        if cmd == "aibot_respond_msg" and req_id in link.under_way:
            self.conflicts += 1
            return (*ERRORS["conflict"], {})
        if cmd in {f"aibot_upload_media_{step}" for step in ("init", "chunk", "finish")}:
            return self._uploads.take(link.app, cmd, body)
        return (*self.answers.take(link.app, cmd, req_id, body), {})

    async def _subscribe(self, link: _Link, body: Mapping[str, Any]) -> tuple[int, str]:
        apps = [app for app in self._platform.apps.values() if app.bot_id and app.bot_id == body.get("bot_id")]
        if not apps:
            return 40013, "invalid bot_id"
        if self._faults.at_bot("refuse_subscription") or not secrets.compare_digest(
            apps[0].secret.encode(), str(body.get("secret", "")).encode("utf-8", "replace")
        ):
            return ERRORS["refuse_subscription"]
        former = self._links.pop(apps[0].bot_id, None)
        link.app = apps[0]
        self._links[apps[0].bot_id] = link
        if former is not None and former is not link:
            await self._disconnect(former, apps[0])
        self._linked.set()
        return 0, "ok"


def _never(_: BotMishapName) -> bool:
    return False
