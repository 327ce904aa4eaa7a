"""What members see of what a bot sends."""

import re
from collections.abc import Mapping
from typing import Any

from adapters.simulator.platform.apps import App
from adapters.simulator.platform.errcodes import ApiError
from adapters.simulator.platform.state import Platform
from adapters.simulator.platform.timeline import Delivered

CONTENT_BYTES = 20_480
_CARD_CHARACTERS = 112
_MOST_BUTTONS = 6


def without_folded(content: str) -> str:
    """Return what is read without unfolding anything."""
    return re.sub(r"<think>.*?</think>\s*", "", content, flags=re.DOTALL)


def feedback_id(own: object) -> str:
    """Return what a message says that a thumb under it names; empty for none."""
    feedback = own.get("feedback") if isinstance(own, dict) else None
    return str(feedback.get("id", "")) if isinstance(feedback, dict) else ""


class BotScreen:
    """Shows messages, files and streams on the phones."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def admits(self, app: App, chat: str) -> bool:
        """Whether a chat gets one message more now, and count it."""
        return self._platform.timeline(app, chat).admits(self._platform.clock())

    def show_picture(self, app: App, user: str, msgid: str, data: bytes) -> None:
        """Show a picture that came with its bytes."""
        label = self._platform.uploads.put(app.corp_id, "image", data, name="").label
        self._show_file(app, user, msgid, label.media_id)

    def show(self, app: App, user: str, msgid: str, body: Mapping[str, Any]) -> tuple[int, str]:
        """Show a message, and return WeCom's word on it."""
        kind = body.get("msgtype")
        own = body.get(kind) if isinstance(kind, str) else None
        if kind in {"image", "voice", "file"} and isinstance(own, dict):
            return self._show_file(app, user, msgid, str(own.get("media_id")))
        if kind == "template_card" and isinstance(own, dict):
            return self._show_card(app, user, msgid, own)
        content = own.get("content") if isinstance(own, dict) else None
        if kind not in {"text", "markdown"} or not isinstance(content, str) or not content:
            return 40008, "invalid message type"
        if len(content.encode("utf-8", "replace")) > CONTENT_BYTES:
            return 40058, "content exceed max length"
        self.show_text(app, user, msgid, content, streaming=False, feedback=feedback_id(own))
        return 0, "ok"

    def _show_card(self, app: App, user: str, msgid: str, card: Mapping[str, Any]) -> tuple[int, str]:
        title, text, buttons = card.get("main_title"), card.get("sub_title_text"), card.get("button_list")
        if card.get("card_type") != "button_interaction" or not isinstance(buttons, list) or not card.get("task_id"):
            return 40058, "invalid template_card"
        if len(str(text)) > _CARD_CHARACTERS or not isinstance(title, dict) or len(buttons) > _MOST_BUTTONS:
            return 40058, "invalid template_card"
        words = "\n".join(str(each) for each in (title.get("title"), text, *(button["text"] for button in buttons)))
        number, at = self._platform.number(), self._platform.clock()
        shown = Delivered(
            number, at, app.corp_id, app.agent_id, user, msgid, "template_card", text=words, body=dict(card)
        )
        self._platform.timeline(app, user).show(shown)
        return 0, "ok"

    def _show_file(self, app: App, user: str, msgid: str, media_id: str) -> tuple[int, str]:
        try:
            label = self._platform.uploads.find(app.corp_id, media_id).label
        except ApiError:
            return 40007, "invalid media_id"
        number, at = self._platform.number(), self._platform.clock()
        shown = Delivered(number, at, app.corp_id, app.agent_id, user, msgid, label.type, media=label)
        self._platform.timeline(app, user).show(shown)
        return 0, "ok"

    def show_text(self, app: App, user: str, msgid: str, content: str, *, streaming: bool, feedback: str = "") -> None:
        """Show words, in place of what was there of the same message; `feedback` is what a thumb under it names."""
        text = without_folded(content)
        shown = Delivered(
            self._platform.number(),
            self._platform.clock(),
            app.corp_id,
            app.agent_id,
            user,
            msgid,
            "markdown",
            text=text,
            sent=content,
            streaming=streaming,
            feedback=feedback,
        )
        self._platform.timeline(app, user).replace(shown)
