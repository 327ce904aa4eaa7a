"""The welcome to somebody's first look of a day: a card with buttons where its words fit one, and else the words.

A button's key is the command it stands for, so that pressing it is as writing it (wecom-protocol.md 8).
"""

from collections.abc import Mapping
from typing import Any

from adapters.aibot.frames import stream_id_of
from pipeline.text.i18n import Catalogue

_MOST_CHARACTERS = 112
"""Of a card's text."""
_BUTTONS = ("@help", "@export", "@clear")


def welcome_body(text: str, key: str, catalogue: Catalogue) -> Mapping[str, Any]:
    """Return the answer to an event by its key."""
    plain = text.replace("**", "")
    if len(plain) > _MOST_CHARACTERS:
        return plain_welcome(text)
    buttons = [{"text": catalogue.text(f"aibot.button_{word[1:]}"), "style": 1, "key": word} for word in _BUTTONS]
    card = {
        "card_type": "button_interaction",
        "main_title": {"title": catalogue.text("aibot.welcome_title")},
        "sub_title_text": plain,
        "button_list": buttons,
        "task_id": stream_id_of(key),
    }
    return {"msgtype": "template_card", "template_card": card}


def plain_welcome(text: str) -> Mapping[str, Any]:
    """Return the welcome as words: what shows everywhere."""
    return {"msgtype": "text", "text": {"content": text.replace("**", "")}}
