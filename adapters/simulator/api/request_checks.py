"""A request's parts, checked as WeCom checks them: JSON bodies, and an agentid that is a number and the caller's."""

import json
import re
from collections.abc import Container, Mapping
from typing import Any

from adapters.simulator.platform.errcodes import ApiError

_TOO_LONG = 20
# Control characters have no other form in JSON; whatever could have been sent as UTF-8 is refused.
_NEEDLESS_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[01])")


def json_object(body: bytes) -> Mapping[str, Any]:
    """Read a body; refuses with 40063 when empty, 40033 with needless escapes, 40058 when it is no JSON object."""
    if not body:
        raise ApiError(40063)
    if rb"\u" in body and _NEEDLESS_ESCAPE.search(body):
        raise ApiError(40033)
    try:
        value = json.loads(body.decode())
    # Bad UTF-8 is a ValueError too; a bomb of brackets ends in a RecursionError.
    except (ValueError, RecursionError):
        raise ApiError(40058) from None
    if not isinstance(value, dict):
        raise ApiError(40058)
    return value


def check_agent(value: object, caller: tuple[str, int], apps: Container[tuple[str, int]]) -> None:
    """Refuse an agentid that is missing (41011), no integer or no app (40056), or another app's (301002)."""
    if value is None or value == "":
        raise ApiError(41011)
    if type(value) is not int or (caller[0], value) not in apps:
        raise ApiError(40056)
    if value != caller[1]:
        raise ApiError(301002)


def agent_number(text: str) -> int | str:
    """Read an agentid out of a query, leaving what is no number as it is."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < _TOO_LONG else text
