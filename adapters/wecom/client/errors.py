"""WeCom's error codes, each turned into what to do about it.

Codes and meanings are those of wecom-protocol.md 7. The HTTP status is 200 for all of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.errors import TryAgain, Undeliverable

STALE_TOKEN = frozenset({40001, 40014, 42001})
"""Codes after which one fresh token and one more try are worth it; never more, or it goes on for ever."""

NO_MENU = 46003
ADDRESS_NOT_ALLOWED = 60020

_MESSAGE_LIMIT = 300
_CALLING_IP = re.compile(r"\bfrom ip:? *([0-9A-Fa-f.:]{3,45})")
_NAMED_SECRET = re.compile(
    r"""((?:access_token|corpsecret|secret|token)["']?\s*[=:]\s*["']?)[^\s&,"'\]]+""", re.IGNORECASE
)
# Tokens and secrets are longer than any word or number WeCom puts into an error.
_OPAQUE = re.compile(r"[A-Za-z0-9_-]{40,}")


class MediaExpired(Undeliverable):
    """WeCom no longer knows a media id: the file has to be uploaded again."""


@dataclass(frozen=True, slots=True)
class _Wait:
    """It may work later."""

    after: float
    why: str
    alert: bool = False


@dataclass(frozen=True, slots=True)
class _GiveUp:
    """It will not work as it is; with `alert`, because of the set-up or of a fault of ours."""

    why: str
    alert: bool = False
    until_message: bool = False
    """Whether that somebody writes shows that it works again."""


@dataclass(frozen=True, slots=True)
class _UploadAgain:
    """It works with a new media id."""

    why: str


_Reaction = _Wait | _GiveUp | _UploadAgain


def _same(reaction: _Reaction, *codes: int) -> dict[int, _Reaction]:
    return dict.fromkeys(codes, reaction)


_REACTIONS: Mapping[int, _Reaction] = {
    -1: _Wait(2, "WeCom is busy"),
    **_same(_Wait(5, "the access token is refused, and a fresh one too"), 40014, 42001),
    45009: _Wait(60, "too many calls; WeCom blocks for the rest of the minute, hour or day"),
    45033: _Wait(3, "too many calls at once"),
    ADDRESS_NOT_ALLOWED: _Wait(60, "this server's address is not allowed; add it to 企业可信IP of the app", alert=True),
    40007: _UploadAgain("the media id is wrong or older than 3 days"),
    # Of the person or of what is sent: nobody can mend it, the person may be told.
    **_same(
        _GiveUp("the person does not exist or may not use the app", until_message=True), 40003, 46004, 60111, 81013
    ),
    **_same(_GiveUp("the app has no rights on the person", until_message=True), 50002, 60011),
    **_same(_GiveUp("the list of receivers is not acceptable"), 40031, 40032, 40066, 40068, 82002, 82003),
    **_same(_GiveUp("the media's type or size is not acceptable"), 40004, 40005, 40006, 40009, 40011),
    40029: _GiveUp("the login code is used up or too old"),
    40039: _GiveUp("a url is over 1024 bytes"),
    **_same(_GiveUp("the group chat does not allow it"), 40050, 86001, 86003, 86004, 86006, 86215, 86216, 86217),
    43004: _GiveUp("the person has not joined WeChat to WeCom"),
    44004: _GiveUp("the text is empty"),
    45001: _GiveUp("the file is too large"),
    45002: _GiveUp("the text is too long for one message"),
    **_same(_GiveUp("over a limit of this kind of message"), 45007, 45008, 45032),
    45029: _GiveUp("the answer would be too large; ask for less at a time"),
    NO_MENU: _GiveUp("the app has no menu"),
    **_same(_GiveUp("the voice message is not AMR that WeCom plays"), 301016, 301017),
    830002: _GiveUp("the file is over 20 MB"),
    **_same(_GiveUp("the customer's service session does not take it"), 95001, 95002, 95007, 95013, 95016, 95018),
    # Of the set-up: an operator can mend it.
    40001: _GiveUp(
        "the secret is wrong, of another corp, or the app is disabled; check corp_id and secret", alert=True
    ),
    **_same(_GiveUp("corp_id or secret is wrong or missing", alert=True), 40013, 41002, 41004),
    **_same(_GiveUp("a menu's url is of a domain the app may not use", alert=True), 40054, 40055),
    40056: _GiveUp("agent_id is wrong; it is the number on the app's page", alert=True),
    40057: _GiveUp("the callback URL does not verify", alert=True),
    43012: _GiveUp("the app needs a callback URL for this", alert=True),
    48002: _GiveUp("the secret has no right to this; use the app's own secret", alert=True),
    48005: _GiveUp("WeCom has retired this API", alert=True),
    48006: _GiveUp("WeCom has withdrawn the right for want of use; an administrator can restore it", alert=True),
    **_same(_GiveUp("the domain is not trusted, filed or verified", alert=True), 50001, 80001, 85005),
    50003: _GiveUp("the app is disabled; enable it in the admin console", alert=True),
    **_same(_GiveUp("the group robot is removed, disabled or not in the group", alert=True), 93000, 93004, 93008),
    **_same(_GiveUp("customer service is not set up for this", alert=True), 95000, 95004, 95011, 95012, 95014, 95017),
    301002: _GiveUp("the token is of another app than agent_id; check secret and agent_id", alert=True),
    301007: _GiveUp("the corp is dissolved or banned", alert=True),
    701008: _GiveUp("the person has no licence for this app", alert=True),
    # Of ours: a request that should not have been made.
    41001: _GiveUp("no access token was sent", alert=True),
    **_same(_GiveUp("the request was malformed", alert=True), 40008, 40033, 40035, 40058, 40063),
    **_same(_GiveUp("the request lacked a media id, a user or an agent", alert=True), 41006, 41009, 41011),
    44001: _GiveUp("WeCom saw no file in the upload", alert=True),
    82001: _GiveUp("no receiver was named", alert=True),
    93006: _GiveUp("nobody has written there lately, or the chat's id is wrong", until_message=True),
}


def error_for(errcode: int, errmsg: str) -> TryAgain | Undeliverable:
    """Return the error to raise for WeCom's answer; a code that nobody knows needs an operator's eyes."""
    reaction = _REACTIONS.get(errcode, _GiveUp("a code webot does not know", alert=True))
    message = f"WeCom says {errcode}: {reaction.why}"
    address = _CALLING_IP.search(errmsg)
    if errcode == ADDRESS_NOT_ALLOWED and address is not None:
        message = f"{message} ({address[1]})"
    match reaction:
        case _Wait(after=after, alert=alert):
            return TryAgain(message, after=after, alert=alert, code=str(errcode))
        case _UploadAgain():
            return MediaExpired(message)
        case _GiveUp(alert=alert, until_message=until_message):
            return Undeliverable(message, alert=alert, code=str(errcode), until_message=until_message)


def without_secrets(errmsg: str) -> str:
    """Make WeCom's words fit for a log: cut, on one line, without anything that looks like a token."""
    line = " ".join(errmsg.split())
    return _OPAQUE.sub("***", _NAMED_SECRET.sub(r"\1***", line))[:_MESSAGE_LIMIT]
