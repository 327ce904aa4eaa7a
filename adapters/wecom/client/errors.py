"""WeCom's error codes, each turned into what to do about it.

Codes and meanings are those of wecom-protocol.md 7. The HTTP status is 200 for all of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.errors import TryAgain, Undeliverable
from pipeline.text.i18n import Sentence

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
    """The key of a sentence of the catalogue's table `wecom`, here and below."""
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
    -1: _Wait(2, "busy"),
    **_same(_Wait(5, "token_refused"), 40014, 42001),
    45009: _Wait(60, "too_many_calls"),
    45033: _Wait(3, "too_many_at_once"),
    ADDRESS_NOT_ALLOWED: _Wait(60, "address_not_allowed", alert=True),
    40007: _UploadAgain("media_expired"),
    # Of the person or of what is sent: nobody can mend it, the person may be told.
    **_same(_GiveUp("no_such_person", until_message=True), 40003, 46004, 60111, 81013),
    **_same(_GiveUp("no_right_on_person", until_message=True), 50002, 60011),
    **_same(_GiveUp("receivers"), 40031, 40032, 40066, 40068, 82002, 82003),
    **_same(_GiveUp("media_refused"), 40004, 40005, 40006, 40009, 40011),
    40029: _GiveUp("login_code"),
    40039: _GiveUp("url_too_long"),
    **_same(_GiveUp("group_refused"), 40050, 86001, 86003, 86004, 86006, 86215, 86216, 86217),
    43004: _GiveUp("not_joined"),
    44004: _GiveUp("text_empty"),
    45001: _GiveUp("file_too_large"),
    45002: _GiveUp("text_too_long"),
    **_same(_GiveUp("over_limit"), 45007, 45008, 45032),
    45029: _GiveUp("answer_too_large"),
    NO_MENU: _GiveUp("no_menu"),
    **_same(_GiveUp("voice_refused"), 301016, 301017),
    830002: _GiveUp("file_over_20"),
    **_same(_GiveUp("service_session"), 95001, 95002, 95007, 95013, 95016, 95018),
    # Of the set-up: an operator can mend it.
    40001: _GiveUp("secret_wrong", alert=True),
    **_same(_GiveUp("corp_id_wrong", alert=True), 40013, 41002, 41004),
    **_same(_GiveUp("menu_domain", alert=True), 40054, 40055),
    40056: _GiveUp("agent_id_wrong", alert=True),
    40057: _GiveUp("callback_unverified", alert=True),
    43012: _GiveUp("callback_needed", alert=True),
    48002: _GiveUp("secret_without_right", alert=True),
    48005: _GiveUp("api_retired", alert=True),
    48006: _GiveUp("right_withdrawn", alert=True),
    **_same(_GiveUp("domain_untrusted", alert=True), 50001, 80001, 85005),
    50003: _GiveUp("app_disabled", alert=True),
    **_same(_GiveUp("robot_gone", alert=True), 93000, 93004, 93008),
    **_same(_GiveUp("service_not_set_up", alert=True), 95000, 95004, 95011, 95012, 95014, 95017),
    301002: _GiveUp("other_app", alert=True),
    301007: _GiveUp("corp_gone", alert=True),
    701008: _GiveUp("no_licence", alert=True),
    # Of ours: a request that should not have been made.
    41001: _GiveUp("no_token_sent", alert=True),
    **_same(_GiveUp("malformed", alert=True), 40008, 40033, 40035, 40058, 40063),
    **_same(_GiveUp("lacking", alert=True), 41006, 41009, 41011),
    44001: _GiveUp("no_file_seen", alert=True),
    82001: _GiveUp("no_receiver", alert=True),
    93006: _GiveUp("chat_closed", until_message=True),
}


def error_for(errcode: int, errmsg: str) -> TryAgain | Undeliverable:
    """Return the error to raise for WeCom's answer; a code that nobody knows needs an operator's eyes."""
    reaction = _REACTIONS.get(errcode, _GiveUp("unknown_code", alert=True))
    message = Sentence("wecom.says", code=errcode, why=Sentence(f"wecom.{reaction.why}"))
    address = _CALLING_IP.search(errmsg)
    if errcode == ADDRESS_NOT_ALLOWED and address is not None:
        message = Sentence("wecom.says_from", said=message, address=address[1])
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
