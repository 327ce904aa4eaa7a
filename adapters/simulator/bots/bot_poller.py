"""WeCom's side of bots that are called back: posts what members do, and asks for each answer until it is whole."""

import asyncio
import base64
import binascii
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from adapters.simulator.bots.bot_screen import CONTENT_BYTES, BotScreen, feedback_id, without_folded
from adapters.simulator.callback_sender import DeliveryResult
from adapters.simulator.faults import Faults
from adapters.simulator.platform.apps import App
from adapters.wecom.callback.crypto import CallbackKeys
from pipeline.errors import BadCallback
from pipeline.text.unicode import is_visible

_OK = 200
_TRIES = 4
_DEADLINE = 5.0
_ASKING_SECONDS = 360.0
_ADDRESS_SECONDS = 3600.0
_MOST_PICTURES = 10
_MOST_NOTED = 20_000


@dataclass(slots=True)
class _Address:
    """A response_url that was given out."""

    app: App
    chat: str
    at: float
    used: bool = False


class BotPoller:
    """Calls bots back; `pause` is how long it waits between two refreshes, in seconds.

    `problems` are answers that WeCom would not have taken.
    """

    def __init__(self, screen: BotScreen, faults: Faults) -> None:
        self._screen = screen
        self._faults = faults
        self._session: aiohttp.ClientSession | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._addresses: dict[str, _Address] = {}
        self.pause = 1.0
        self.again = 1.0
        """Seconds before what was not answered is posted again."""
        self.problems: list[str] = []
        self.shown: list[Mapping[str, Any]] = []
        """Every stream that was taken, as it was answered; the latest thousand."""
        self.given_up: list[str] = []
        """Streams that a fault has stopped asking for: their bubbles spin for ever; the latest thousand."""
        self.asked_for_whole: dict[str, float] = {}
        """When the bot may first have answered with a stream's end, by streams: asks that brought nothing count."""
        self.responses = 0
        """Messages that came to a response_url."""

    async def deliver(self, app: App, chat: str, body: Mapping[str, Any], *, base: str) -> DeliveryResult:
        """Post what a member did, up to four times, and begin to ask for its answer."""
        code = secrets.token_urlsafe(24)
        address = (
            {}
            if body["msgtype"] == "event" and body["event"]["eventtype"] != "template_card_event"
            else {"response_url": f"{base}/cgi-bin/aibot/response?response_code={code}"}
        )
        self._addresses[code] = _Address(app, chat, time.monotonic())
        statuses, seconds = [], []
        asked_at = time.time()
        for number in range(_TRIES):
            if number:
                await asyncio.sleep(self.again)
            began = time.monotonic()
            status, answer = await self.ask(app, {**body, **address})
            statuses.append(status)
            seconds.append(time.monotonic() - began)
            if status == _OK and not self._faults.at_bot("lose_answer"):
                self._begin(app, chat, body, answer, asked_at)
                break
        return DeliveryResult(str(body["msgid"]), tuple(statuses), tuple(seconds))

    async def ask(self, app: App, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any] | None]:
        """Post a callback, sealed; return the status, 0 for no answer in time, and what was answered."""
        keys = CallbackKeys.of(app.token, app.encoding_aes_key, "")
        # As WeCom does: control characters of people's words stand in the JSON as they are.
        text = json.dumps(body, ensure_ascii=False).replace("\\u0001", "\x01").replace("\\u001f", "\x1f")
        # Half a surrogate pair is written as JSON does that is ASCII.
        encrypted = keys.encrypt(text.encode("utf-8", "backslashreplace"))
        timestamp, nonce = str(int(time.time())), secrets.token_hex(8)
        query = {
            "msg_signature": keys.sign(timestamp, nonce, encrypted),
            "timestamp": timestamp,
            "nonce": nonce,
        }
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        try:
            async with (
                asyncio.timeout(_DEADLINE),
                self._session.post(f"{app.callback_url}?{urlencode(query)}", json={"encrypt": encrypted}) as answer,
            ):
                status, sealed = answer.status, await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, None
        if status != _OK or not sealed:
            return status, None
        try:
            return status, _opened(keys, sealed, nonce)
        except (ValueError, KeyError, TypeError, BadCallback) as error:
            self.problems.append(f"not sealed as WeCom wants it: {type(error).__name__}")
            return status, None

    async def take_response(self, request: web.Request) -> web.Response:
        """Take the one message more."""
        address = self._addresses.get(request.query.get("response_code", ""))
        try:
            body = json.loads(await request.text())
        except ValueError:
            body = {}
        expired = address is None or address.used or time.monotonic() - address.at > _ADDRESS_SECONDS
        if address is None or expired or self._faults.at_bot("response_expired"):
            return _said(40058, "invalid response_code")
        if body.get("msgtype") not in {"markdown", "template_card"}:
            return _said(40008, "invalid message type")
        errcode, errmsg = self._screen.show(address.app, address.chat, secrets.token_hex(8), body)
        if not errcode:
            address.used = True
            self.responses += 1
        return _said(errcode, errmsg)

    async def aclose(self) -> None:
        """Ask no more."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _begin(
        self, app: App, chat: str, body: Mapping[str, Any], answer: Mapping[str, Any] | None, asked_at: float
    ) -> None:
        if answer is None:
            return
        if body["msgtype"] == "event":
            if answer.get("msgtype") not in {"text", "template_card"}:
                self.problems.append("an event was answered with a stream")
                return
            self._screen.show(app, chat, secrets.token_hex(8), answer)
            return
        stream = answer.get("stream")
        if answer.get("msgtype") != "stream" or not isinstance(stream, dict) or not isinstance(stream.get("id"), str):
            self.problems.append("a message was not answered with a stream")
            return
        feedback = feedback_id(stream)
        if self._show(app, chat, stream["id"], answer, feedback):
            self._note_whole(stream["id"], asked_at)
            return
        task = asyncio.create_task(self._ask_until_finished(app, chat, body, stream["id"], feedback))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask_until_finished(
        self, app: App, chat: str, body: Mapping[str, Any], stream_id: str, feedback: str
    ) -> None:
        began = time.monotonic()
        missed_at = 0.0
        common = {name: body[name] for name in ("aibotid", "chatid", "chattype", "from") if name in body}
        while time.monotonic() - began < _ASKING_SECONDS:
            await asyncio.sleep(self.pause)
            if self._faults.at_bot("stop_asking"):
                self.given_up.append(stream_id)
                del self.given_up[:-1000]
                return
            asked = common | {"msgid": secrets.token_hex(16), "msgtype": "stream", "stream": {"id": stream_id}}
            asked_at = missed_at or time.time()
            status, answer = await self.ask(app, asked)
            came = status == _OK and answer is not None and not self._faults.at_bot("lose_answer")
            if came and answer is not None and self._show(app, chat, stream_id, answer, feedback):
                self._note_whole(stream_id, asked_at)
                return
            # What did not come may have been the end.
            missed_at = 0.0 if came else asked_at

    def _note_whole(self, stream_id: str, asked_at: float) -> None:
        self.asked_for_whole[stream_id] = asked_at
        if len(self.asked_for_whole) > _MOST_NOTED:
            del self.asked_for_whole[next(iter(self.asked_for_whole))]

    def _show(self, app: App, chat: str, stream_id: str, answer: Mapping[str, Any], feedback: str) -> bool:
        """Show a stream as it was answered; whether it is whole."""
        stream = answer.get("stream")
        problem = _problem(stream, stream_id)
        if not isinstance(stream, dict) or problem:
            self.problems.append(problem)
            return False
        self.shown.append(stream)
        del self.shown[:-1000]
        content, finished = str(stream["content"]), bool(stream["finish"])
        # What shows nothing does not take the place of the dots.
        spins = not is_visible(without_folded(content))
        self._screen.show_text(app, chat, stream_id, content, streaming=not finished or spins, feedback=feedback)
        for number, item in enumerate(stream.get("msg_item", ())):
            data = base64.b64decode(item["image"]["base64"])
            self._screen.show_picture(app, chat, f"{stream_id}-{number}", data)
        return finished


def _opened(keys: CallbackKeys, sealed: str, nonce: str) -> Mapping[str, Any]:
    fields = json.loads(sealed)
    if fields["nonce"] != nonce or type(fields["timestamp"]) is not int:
        raise ValueError("the nonce is the callback's, the timestamp a number")
    signature, encrypted = str(fields["msgsignature"]), str(fields["encrypt"])
    opened = json.loads(keys.open(signature, str(fields["timestamp"]), nonce, encrypted))
    if not isinstance(opened, dict):
        raise TypeError("an answer is an object")
    return opened


def _problem(stream: object, stream_id: str) -> str:
    """Return what WeCom would not take in a stream, or nothing."""
    if not isinstance(stream, dict) or stream.get("id") != stream_id:
        return "another stream was answered than was asked for"
    content, items = stream.get("content"), stream.get("msg_item", [])
    if not isinstance(content, str) or len(content.encode("utf-8", "replace")) > CONTENT_BYTES:
        return "the content of a stream is too long"
    if items and (not stream.get("finish") or len(items) > _MOST_PICTURES):
        return "pictures stand in the last frame, ten at most"
    for item in items:
        try:
            data = base64.b64decode(item["image"]["base64"], validate=True)
        except (KeyError, TypeError, binascii.Error):
            return "a picture is not base64"
        if hashlib.md5(data, usedforsecurity=False).hexdigest() != item["image"].get("md5"):
            return "a picture does not have its md5"
    return ""


def _said(errcode: int, errmsg: str) -> web.Response:
    return web.json_response({"errcode": errcode, "errmsg": errmsg})
