"""A self-built application for tests: its settings, and what it needs around it."""

from hashlib import sha256

from adapters.wecom.callback.crypto import CallbackKeys
from adapters.wecom.channel import WeComApp
from adapters.wecom.client.cache import Cache
from adapters.wecom.settings import WeComAppSettings
from pipeline.errors import TryAgain
from pipeline.events import Person
from pipeline.replies import StoredMedia
from tests.adapters.wecom.qyapi import SECRET, Clock, Qyapi

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


class Shelf:
    """A media store in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def keep(self, data: bytes, *, mime: str, name: str) -> StoredMedia:
        digest = sha256(data).hexdigest()
        self.files[digest] = data
        return StoredMedia(digest, mime, name, len(data))

    async def read(self, media: StoredMedia) -> bytes:
        return self.files[media.sha256]


class Gate:
    """A governor that counts, and stops everybody when closed."""

    def __init__(self) -> None:
        self.admitted: list[Person] = []
        self.closed = False

    async def acquire(self, person: Person) -> None:
        if self.closed:
            raise TryAgain("enough for this minute", after=30)
        self.admitted.append(person)


def settings_of(**changes: object) -> WeComAppSettings:
    return WeComAppSettings.model_validate(CREDENTIALS | changes, strict=True)


def app_of(
    qyapi: Qyapi, cache: Cache, *, gate: Gate | None = None, shelf: Shelf | None = None, **changes: object
) -> WeComApp:
    return WeComApp(
        "wecom",
        settings_of(**changes),
        api=qyapi.api(cache, Clock(), agent_id=218),
        cache=cache,
        send_limiter=gate or Gate(),
        media=shelf or Shelf(),
    )


def message(content: str, *, corp_id: str = CORP) -> bytes:
    """Write a text message as WeCom does."""
    return (
        f"<xml><ToUserName>{corp_id}</ToUserName><FromUserName>zhangsan</FromUserName><CreateTime>1409659813</CreateTime>"
        f"<MsgType>text</MsgType><Content><![CDATA[{content.replace(']]>', ']]]]><![CDATA[>')}]]></Content>"
        "<MsgId>1</MsgId><AgentID>218</AgentID></xml>"
    ).encode()
