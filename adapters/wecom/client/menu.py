"""The app's menu as the settings have it, in WeCom's format (wecom-protocol.md 6)."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.errors import SettingsInvalid
from pipeline.settings import MenuButton
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import placed

_MAIN_BUTTONS = 3
_SUB_BUTTONS = 5
_MAIN_NAME_BYTES = 16
_SUB_NAME_BYTES = 40
_KEY_BYTES = 128
_URL_BYTES = 1024


def menu_body(buttons: Sequence[MenuButton]) -> Mapping[str, Any]:
    """Return the body of menu/create; `SettingsInvalid` says every limit of WeCom's that the menu passes."""
    problems = [problem for button in buttons for problem in _problems(button, _MAIN_NAME_BYTES)]
    if not 1 <= len(buttons) <= _MAIN_BUTTONS:
        wanted = Sentence("setting.menu_size", most=_MAIN_BUTTONS)
        problems.append(placed("[menu] buttons", Sentence("setting.found", found=len(buttons), wanted=wanted)))
    if problems:
        raise SettingsInvalid(problems)
    return {"button": [_button(button) for button in buttons]}


def _button(button: MenuButton) -> Mapping[str, Any]:
    if button.buttons:
        return {"name": button.name, "sub_button": [_button(sub) for sub in button.buttons]}
    if button.url:
        return {"type": "view", "name": button.name, "url": button.url}
    return {"type": "click", "name": button.name, "key": button.key}


def _problems(button: MenuButton, name_bytes: int) -> list[str]:
    where = f"[menu] button {button.name!r}"
    problems = [
        placed(where, Sentence(f"setting.menu_{what}_long", size=len(text.encode("utf-8")), most=limit))
        for what, text, limit in (
            ("name", button.name, name_bytes),
            ("key", button.key, _KEY_BYTES),
            ("url", button.url, _URL_BYTES),
        )
        if len(text.encode("utf-8")) > limit
    ]
    if not button.name:
        problems.append(placed(where, Sentence("setting.menu_nameless")))
    if [bool(button.key), bool(button.url), bool(button.buttons)].count(True) != 1:
        problems.append(placed(where, Sentence("setting.menu_one_of")))
    if len(button.buttons) > _SUB_BUTTONS:
        problems.append(placed(where, Sentence("setting.menu_full", found=len(button.buttons), most=_SUB_BUTTONS)))
    for sub in button.buttons:
        problems += _problems(sub, _SUB_NAME_BYTES)
        if sub.buttons:
            problems.append(placed(where, Sentence("setting.menu_nested")))
    return problems
