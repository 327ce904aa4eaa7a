"""What a bot is told of what members do, by connection and by callback alike."""

from collections.abc import Callable, Mapping
from typing import Any

from adapters.simulator.platform.apps import App
from adapters.simulator.platform.timeline import MemberAction
from pipeline.events import Clicked, Content, Entered, Feedback, File, Image, Text, Video

_BAD = 2


def callback_body(
    app: App, said: MemberAction, msgid: str, file_address: Callable[[str], Mapping[str, str]]
) -> tuple[str, dict[str, Any]]:
    """Return the command and the body that tell a bot what a member did."""
    common: dict[str, Any] = {
        "msgid": msgid,
        "aibotid": app.bot_id,
        "chattype": "group" if said.group else "single",
        "from": {"userid": said.user},
        "create_time": int(said.at),
    }
    if said.group:
        common["chatid"] = said.group
    content: Content = said.content
    match content:
        case Text(text):
            return "aibot_msg_callback", common | {"msgtype": "text", "text": {"content": text}}
        case Image(media_id) | Video(media_id) | File(media_id):
            file = dict(file_address(media_id))
            return "aibot_msg_callback", common | {"msgtype": content.kind, content.kind: file}
        case Feedback(answer, good, why):
            type_ = 3 if good is None else 1 if good else 2
            judged = {
                "id": answer,
                "type": type_,
                "content": why,
                "inaccurate_reason_list": [2] if type_ == _BAD else [],
            }
            event = {"eventtype": "feedback_event", "feedback_event": judged}
            return "aibot_event_callback", common | {"msgtype": "event", "event": event}
        case Clicked(key):
            pressed = {"card_type": "button_interaction", "event_key": key, "task_id": "t"}
            event = {"eventtype": "template_card_event", "template_card_event": pressed}
            return "aibot_event_callback", common | {"msgtype": "event", "event": event}
        case Entered():
            return "aibot_event_callback", common | {"msgtype": "event", "event": {"eventtype": "enter_chat"}}
        case _:
            return "aibot_msg_callback", common | {"msgtype": content.kind, content.kind: {}}
