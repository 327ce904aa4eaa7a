"""What WeCom takes of what a bot answers over its connection, by the platform's rules and error codes."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.simulator.bots.bot_screen import CONTENT_BYTES, BotScreen, feedback_id, without_folded
from adapters.simulator.faults import BotMishapName, Faults
from adapters.simulator.platform.apps import App
from adapters.simulator.platform.state import chat_of
from pipeline.text.unicode import is_visible

STREAM_SECONDS = 360.0
"""From the first frame of a stream."""
WELCOME_SECONDS = 5.0

ERRORS: Mapping[str, tuple[int, str]] = {
    "refuse_subscription": (40001, "invalid secret"),
    "window_closed": (846608, "stream message update expired"),
    "request_expired": (846604, "websocket request expired, response is invalid"),
    "quota": (45009, "api freq out of limit"),
    "conflict": (6000, "data version conflict"),
    "not_subscribed": (846609, "aibot websocket not subscribed"),
    "push_refused": (93006, "invalid chatid"),
}
_GROUP_CHAT = 2
_RESPONSE_FAULTS: tuple[BotMishapName, ...] = ("window_closed", "request_expired", "quota", "conflict")


@dataclass(frozen=True, slots=True)
class SentCallback:
    """A callback that was sent: who may be answered, and by which kind of answer."""

    app: App
    user: str
    chat: str
    """A member, or a group as `chat_of` names it."""
    at: float
    is_event: bool


@dataclass(slots=True)
class _Stream:
    app: App
    user: str
    began: float
    feedback: str
    finished: bool = False


class BotAnswers:
    """Holds every callback that was sent, and shows what answers it."""

    def __init__(self, screen: BotScreen, faults: Faults) -> None:
        self._screen = screen
        self._faults = faults
        self._callbacks: dict[str, SentCallback] = {}
        self._welcomed: set[str] = set()
        self._streams: dict[str, _Stream] = {}
        self.shown: list[tuple[float, Mapping[str, Any]]] = []
        """Every stream frame that was taken, with its moment; the latest `most_shown`."""
        self.most_shown = 1000

    def expect(self, req_id: str, callback: SentCallback) -> None:
        """Take the answers to a callback from now on."""
        self._callbacks[req_id] = callback

    def in_progress(self, app: App, user: str) -> int:
        """Return how many bubbles a member waits for the end of."""
        now = time.monotonic()
        return sum(
            not stream.finished
            and stream.app.key == app.key
            and stream.user == user
            and now - stream.began < STREAM_SECONDS
            for stream in self._streams.values()
        )

    def take(self, app: App, cmd: str, req_id: str, body: Mapping[str, Any]) -> tuple[int, str]:
        """Return WeCom's word on an answer or a message."""
        match cmd:
            case "aibot_respond_msg":
                return self._respond(app, req_id, body)
            case "aibot_respond_welcome_msg":
                return self._welcome(app, req_id, body)
            case "aibot_send_msg":
                return self._message(app, req_id, body)
            case _:
                return 40008, "invalid message type"

    def _respond(self, app: App, req_id: str, body: Mapping[str, Any]) -> tuple[int, str]:
        fault = next((name for name in _RESPONSE_FAULTS if self._faults.at_bot(name)), None)
        callback = self._callbacks.get(req_id)
        if fault is not None:
            return ERRORS[fault]
        if callback is None or callback.is_event or callback.app.key != app.key:
            return 846605, "invalid req_id"
        if body.get("msgtype") == "text":
            # Words alone are for the welcome.
            return 40008, "invalid message type"
        if body.get("msgtype") != "stream":
            return self._screen.show(app, callback.chat, secrets.token_hex(8), body)
        return self._frame(app, callback, body.get("stream"))

    def _frame(self, app: App, callback: SentCallback, stream: object) -> tuple[int, str]:
        if not isinstance(stream, dict) or not isinstance(stream.get("id"), str) or not stream["id"]:
            return 40058, "stream.id missing"
        content = stream.get("content", "")
        if not isinstance(content, str) or len(content.encode("utf-8", "replace")) > CONTENT_BYTES:
            return 40058, "content exceed max length"
        known = self._streams.get(stream["id"])
        now = time.monotonic()
        if known is None:
            if not self._screen.admits(app, callback.chat):
                return ERRORS["quota"]
            known = self._streams[stream["id"]] = _Stream(app, callback.user, now, feedback_id(stream))
        if known.finished or now - known.began > STREAM_SECONDS:
            return ERRORS["window_closed"]
        known.finished = bool(stream.get("finish"))
        self.shown.append((now, stream))
        del self.shown[: -self.most_shown]
        # What shows nothing does not take the place of the dots, in a last frame either.
        spins = not known.finished or not is_visible(without_folded(content))
        self._screen.show_text(app, callback.chat, stream["id"], content, streaming=spins, feedback=known.feedback)
        return 0, "ok"

    def _welcome(self, app: App, req_id: str, body: Mapping[str, Any]) -> tuple[int, str]:
        callback = self._callbacks.get(req_id)
        if callback is None or not callback.is_event or req_id in self._welcomed or callback.app.key != app.key:
            return 846605, "invalid req_id"
        if self._faults.at_bot("quota"):
            return ERRORS["quota"]
        if time.monotonic() - callback.at > WELCOME_SECONDS:
            return ERRORS["request_expired"]
        if body.get("msgtype") not in {"text", "template_card"}:
            return 40008, "invalid message type"
        self._welcomed.add(req_id)
        return self._screen.show(app, callback.chat, req_id, body)

    def _message(self, app: App, req_id: str, body: Mapping[str, Any]) -> tuple[int, str]:
        if self._faults.at_bot("quota"):
            return ERRORS["quota"]
        if self._faults.at_bot("push_refused"):
            return ERRORS["push_refused"]
        chat_id, is_group = body.get("chatid"), body.get("chat_type") == _GROUP_CHAT
        user = chat_of("", chat_id) if is_group and isinstance(chat_id, str) else chat_id
        spoke = {callback.chat for callback in self._callbacks.values() if callback.app.key == app.key}
        # As it was received, letter by letter.
        if not isinstance(user, str) or user not in spoke:
            return ERRORS["push_refused"]
        if body.get("msgtype") == "text":
            return 40008, "invalid message type"
        if not self._screen.admits(app, user):
            return ERRORS["quota"]
        # Named as its sender knows it, so that what came can be matched with what was sent.
        return self._screen.show(app, user, req_id, body)
