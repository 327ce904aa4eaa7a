"""A self-built application for tests: its settings, and what it needs around it."""

from adapters.wecom.callback.crypto import CallbackKeys
from adapters.wecom.channel import WeComApp
from adapters.wecom.client.cache import Cache
from adapters.wecom.settings import WeComAppSettings
from pipeline.events import Person
from tests.adapters.wecom.qyapi import SECRET, Qyapi
from tests.fakes.ports import FakeSendLimiter, MemoryMedia
from tests.hand_clock import HandClock

CORP = "wx5823bf96d3bd56c7"
TOKEN = "QDG6eK"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
OLDER_TOKEN = "older"
OLDER_AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
CREDENTIALS = {
    "corp_id": CORP,
    "secret": SECRET,
    "agent_id": 218,
    "token": TOKEN,
    "encoding_aes_key": AES_KEY,
}
KEYS = CallbackKeys.of(TOKEN, AES_KEY, CORP)
ZHANGSAN = Person("wecom", "zhangsan")


def settings_of(**changes: object) -> WeComAppSettings:
    return WeComAppSettings.model_validate(CREDENTIALS | changes, strict=True)


def app_of(
    qyapi: Qyapi,
    cache: Cache,
    *,
    limiter: FakeSendLimiter | None = None,
    media: MemoryMedia | None = None,
    **changes: object,
) -> WeComApp:
    return WeComApp(
        "wecom",
        settings_of(**changes),
        api=qyapi.api(cache, HandClock(), agent_id=218),
        cache=cache,
        send_limiter=limiter or FakeSendLimiter(),
        media=media or MemoryMedia(),
    )


def message(content: str, *, corp_id: str = CORP) -> bytes:
    """Write a text message as WeCom does."""
    return (
        f"<xml><ToUserName>{corp_id}</ToUserName><FromUserName>zhangsan</FromUserName><CreateTime>1409659813</CreateTime>"
        f"<MsgType>text</MsgType><Content><![CDATA[{content.replace(']]>', ']]]]><![CDATA[>')}]]></Content>"
        "<MsgId>1</MsgId><AgentID>218</AgentID></xml>"
    ).encode()
