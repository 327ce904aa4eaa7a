"""How WeCom says no: HTTP 200 with an errcode, and an errmsg that carries a hint and the caller's address."""

import time

# WeCom's global error codes (wecom-protocol.md 7). The texts are WeCom's where known; do not parse them.
_TEXTS = {
    -1: "system busy",
    40001: "invalid credential",
    40004: "invalid media type",
    40005: "invalid type parameter",
    40006: "invalid media size",
    40007: "invalid media_id",
    40008: "invalid message type",
    40009: "invalid image size",
    40011: "invalid video size",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40019: "invalid button key size",
    40020: "invalid button url size",
    40022: "invalid sub button level",
    40023: "invalid sub button size",
    40024: "invalid sub button type",
    40025: "invalid sub button name size",
    40026: "invalid sub button key size",
    40027: "invalid sub button url size",
    40032: "invalid user list size",
    40033: "invalid request char",
    40039: "invalid url size",
    40056: "invalid agentid",
    40058: "invalid Request Parameter",
    40063: "some parameters are empty",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "appsecret missing",
    41006: "media_id missing",
    41009: "userid missing",
    41011: "agentid missing",
    42001: "access_token expired",
    43012: "callback url not set",
    44001: "empty media data",
    44004: "empty content",
    45002: "content size out of limit",
    45007: "playtime out of limit",
    45008: "article size out of limit",
    45009: "api freq out of limit",
    45032: "author size out of limit",
    45033: "api concurrent out of limit",
    46003: "menu no exist",
    48002: "api forbidden",
    60003: "department not found",
    60020: "not allow to access from your ip",
    60111: "userid not found",
    81013: "user & party & tag all invalid",
    82001: "user & party & tag all empty",
    82002: "party list size out of limit",
    82003: "tag list size out of limit",
    301002: "not allow operate another agent with this accesstoken",
    301017: "voice format must be amr",
}


class ApiError(Exception):
    """A request WeCom does not carry out; `errcode` says why."""

    def __init__(self, errcode: int) -> None:
        super().__init__(errcode)
        self.errcode = errcode


def error_body(errcode: int, ip: str) -> dict[str, object]:
    """Return the body of a refusal as WeCom writes it; `ip` is the address it believes to be called from."""
    text = _TEXTS.get(errcode, "error")
    more = f"https://open.work.weixin.qq.com/devtool/query?e={errcode}"
    return {"errcode": errcode, "errmsg": f"{text}, hint: [{time.time_ns()}], from ip: {ip}, more info at {more}"}
