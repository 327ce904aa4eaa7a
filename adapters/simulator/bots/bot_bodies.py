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
    if said.quote is not None:
        common["quote"] = _item(said.quote, file_address)
    if said.attachments:
        items = [_item(each, file_address) for each in (content, *said.attachments)]
        return "aibot_msg_callback", common | {"msgtype": "mixed", "mixed": {"msg_item": items}}
    match content:
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
            return "aibot_msg_callback", common | _item(content, file_address)


def _item(content: Content, file_address: Callable[[str], Mapping[str, str]]) -> dict[str, Any]:
    """Return a message's own part, as it stands in a callback, in a mixed message and in a quote."""
    match content:
        case Text(text, spoken=spoken):
            kind = "voice" if spoken else "text"
            return {"msgtype": kind, kind: {"content": text}}
        case Image(media_id) | Video(media_id) | File(media_id):
            return {"msgtype": content.kind, content.kind: dict(file_address(media_id))}
        case _:
            return {"msgtype": content.kind, content.kind: {}}
