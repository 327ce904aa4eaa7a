"""The menu under a conversation, checked as WeCom checks it (wecom-protocol.md 6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.simulator.api.request_checks import json_object
from adapters.simulator.platform.errcodes import ApiError

_KEY = 128
_URL = 1024
_TYPES = frozenset(
    {
        "click",
        "view",
        "scancode_push",
        "scancode_waitmsg",
        "pic_sysphoto",
        "pic_photo_or_album",
        "pic_weixin",
        "location_select",
        "view_miniprogram",
    }
)


@dataclass(frozen=True, slots=True)
class _Level:
    """How many buttons a level may have, how long their names, and what is answered to anything else."""

    most: int
    name_bytes: int
    count: int
    kind: int
    name: int
    key: int
    url: int


_MAIN = _Level(most=3, name_bytes=16, count=40016, kind=40017, name=40018, key=40019, url=40020)
_SUB = _Level(most=5, name_bytes=40, count=40023, kind=40024, name=40025, key=40026, url=40027)


def read_menu(body: bytes) -> Sequence[Mapping[str, Any]]:
    """Return the buttons of a `menu/create`, refusing what WeCom would."""
    buttons = _buttons(json_object(body).get("button"), _MAIN)
    for button in buttons:
        if "sub_button" not in button:
            _check_action(button, _MAIN)
            continue
        for below in _buttons(button["sub_button"], _SUB):
            if "sub_button" in below:
                raise ApiError(40022)
            _check_action(below, _SUB)
    return buttons


def _buttons(value: object, level: _Level) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list) or not 1 <= len(value) <= level.most:
        raise ApiError(level.count)
    for button in value:
        if not isinstance(button, dict):
            raise ApiError(40058)
        _check_size(button.get("name"), level.name_bytes, level.name)
    return value


def _check_action(button: Mapping[str, Any], level: _Level) -> None:
    kind = button.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ApiError(level.kind)
    if kind == "view":
        _check_size(button.get("url"), _URL, level.url)
    elif kind == "view_miniprogram":
        _check_size(button.get("pagepath"), _URL, level.url)
        _check_size(button.get("appid"), _KEY, level.key)
    else:
        _check_size(button.get("key"), _KEY, level.key)


def _check_size(value: object, most: int, otherwise: int) -> None:
    if not isinstance(value, str) or not 1 <= len(value.encode("utf-8", "replace")) <= most:
        raise ApiError(otherwise)
