"""A self-built application as a channel: callbacks in, messages out."""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import structlog

from adapters.wecom.callback.crypto import BAD_PLAINTEXT, BAD_SIGNATURE, open_with_any
from adapters.wecom.callback.event_parser import SUSPENSION_WARNINGS, read_event
from adapters.wecom.callback.xml import encrypted_part, message_fields
from adapters.wecom.client.api import WeComApi
from adapters.wecom.client.cache import Cache
from adapters.wecom.client.errors import MediaExpired
from adapters.wecom.client.http import QyapiHttp
from adapters.wecom.client.media import MediaKind, ending_of, kind_for, mime_of
from adapters.wecom.rendering.render import MessageFormat, render
from adapters.wecom.settings import WeComAppSettings
from pipeline.answer import MessageStyle
from pipeline.errors import BadCallback
from pipeline.events import InboundEvent, Person, PlatformNotice
from pipeline.ports import ChannelCapabilities, MediaStore, Profile, SendLimiter, WebhookRequest, WebhookResponse
from pipeline.replies import DocumentPart, FilePart, ImagePart, Part, Receipt, Reply, StoredMedia, TextPart, VoicePart
from pipeline.text.i18n import Catalogue, Language

log = structlog.get_logger()

# WeCom forgets an upload after 3 days; half a day is for messages that wait.
_MEDIA_SECONDS = 2.5 * 24 * 3600
_PROFILE_SECONDS = 24 * 3600
_NAMES = {"image": "image", "audio": "voice", "video": "video"}
_TEXT_MIME = "text/plain; charset=utf-8"
# What WeCom seals for a verification: random digits (wecom-protocol.md 1). A message is XML or JSON and never this.
_ECHO = re.compile(rb"[0-9A-Za-z]{1,64}")
# Other digits, signs and an empty text would sign as well as these ten do.
_TIMESTAMP = re.compile(r"[0-9]{10}")


class WeComApp:
    """Implements `pipeline.ports.Channel` for one self-built application."""

    def __init__(
        self,
        name: str,
        settings: WeComAppSettings,
        *,
        api: WeComApi,
        cache: Cache,
        send_limiter: SendLimiter,
        media: MediaStore,
        language: Language = "zh",
    ) -> None:
        self.name = name
        self.capabilities = ChannelCapabilities(message_bytes=2048, styles=True, menu=True)
        self.api = api
        self._settings = settings
        self._keyring = settings.keyring
        self._cache = cache
        self._send_limiter = send_limiter
        self._media = media
        self._catalogue = Catalogue(language)

    def receive(self, call: WebhookRequest) -> tuple[WebhookResponse, InboundEvent | None]:
        """Verify, decrypt and parse; `BadCallback` for what is not WeCom's, or not for this app."""
        match call.method:
            case "GET":
                return WebhookResponse(200, self._echo(call)), None
            case "POST":
                return WebhookResponse(200), self._event(call)
            case _:
                raise BadCallback(
                    f"WeCom does not call with {call.method!r}", code=BAD_SIGNATURE, status=400, reason="method"
                )

    def render(self, replies: Sequence[Reply]) -> tuple[Part, ...]:
        """Return replies as messages that WeCom shows whole."""
        return self.render_as(replies, "")

    def render_as(self, replies: Sequence[Reply], style: MessageStyle) -> tuple[Part, ...]:
        """Implement `StyledChannel.render_as`: WeChat's plugin shows plain text alone."""
        formats: Mapping[MessageStyle, MessageFormat] = {"plain": "text", "rich": "markdown"}
        return render(
            replies,
            message_format=formats.get(style, self._settings.message_format),
            max_pieces=self._settings.max_pieces,
            catalogue=self._catalogue,
        )

    async def send(self, person: Person, part: Part) -> Receipt:
        """Deliver one part when the person may get another message."""
        await self._send_limiter.acquire(person)
        match part:
            case TextPart(text=text, format="markdown"):
                return Receipt(await self.api.send_markdown(person.user, text))
            case TextPart(text=text):
                return Receipt(await self.api.send_text(person.user, text))
            case ImagePart(media=media):
                return await self._send_stored(person, "image", media)
            case VoicePart(media=media):
                return await self._send_stored(person, "voice", media)
            case FilePart(media=media):
                return await self._send_stored(person, "file", media)
            case DocumentPart(name=name, text=text):
                return await self._send_document(person, name, text.encode("utf-8", "replace"))

    async def fetch(self, media_id: str) -> StoredMedia:
        """Store a file that a person sent; its type is the one its bytes show."""
        downloaded = await self.api.download(media_id)
        mime = mime_of(downloaded.data)
        name = downloaded.name or f"{_NAMES.get(mime.partition('/')[0], 'file')}{ending_of(mime)}"
        return await self._media.keep(downloaded.data, mime=mime, name=name)

    async def profile(self, person: Person) -> Profile:
        """Return a person's profile, asking WeCom at most once a day."""
        key = self._profile_key(person)
        kept = await self._cache.get(key)
        if kept is not None:
            name, departments = json.loads(kept.text)
            return Profile(name, tuple(departments))
        profile = await self.api.user(person.user)
        text = json.dumps([profile.name, profile.departments], ensure_ascii=False)
        # People's names are in memory alone: nothing on the disk has to be forgotten.
        await self._cache.put(key, text, seconds=_PROFILE_SECONDS, on_disk=False)
        return profile

    async def forget(self, person: Person) -> None:
        """Drop what is remembered of a person."""
        await self._cache.forget(self._profile_key(person))

    def _profile_key(self, person: Person) -> str:
        return f"profile/{self._settings.api_base}/{self._settings.corp_id}/{person.user.casefold()}"

    async def aclose(self) -> None:
        """Close the connections and the cache."""
        await self.api.aclose()
        await self._cache.aclose()

    def _echo(self, call: WebhookRequest) -> str:
        echo = call.query.get("echostr")
        if echo is None:
            # Health probes and curious browsers come here too.
            raise BadCallback("no echostr: not a verification by WeCom", code=BAD_SIGNATURE, status=400, reason="echo")
        plain = self._opened(call, echo)
        # The signature does not tell a message from an echo: whoever kept a sealed message would read it here.
        if _ECHO.fullmatch(plain) is None:
            message = "what the echostr seals is not 1 to 64 letters and digits, so it is no verification by WeCom"
            raise BadCallback(message, code=BAD_PLAINTEXT, reason="echo")
        return plain.decode("ascii")

    def _event(self, call: WebhookRequest) -> InboundEvent:
        message = self._opened(call, encrypted_part(call.body))
        event = read_event(
            message_fields(message),
            channel=self.name,
            corp_id=self._settings.corp_id,
            agent_id=self._settings.agent_id,
        )
        if isinstance(event.content, PlatformNotice) and event.content.name in SUSPENSION_WARNINGS:
            log.warning("wecom_platform_notice", channel=self.name, notice=event.content.name)
        return event

    def _opened(self, call: WebhookRequest, encrypted: str) -> bytes:
        signed = [call.query.get(name) for name in ("msg_signature", "timestamp", "nonce")]
        match signed:
            case [str(signature), str(timestamp), str(nonce)]:
                if _TIMESTAMP.fullmatch(timestamp) is None:
                    raise BadCallback("the timestamp is not ten digits", code=BAD_SIGNATURE, reason="timestamp")
                return open_with_any(self._keyring, signature, timestamp, nonce, encrypted)
            case _:
                raise BadCallback("not signed", code=BAD_SIGNATURE, status=400, reason="signature")

    async def _send_stored(self, person: Person, wanted: MediaKind, media: StoredMedia) -> Receipt:
        async def read() -> bytes:
            return await self._media.read(media)

        kind = kind_for(wanted, media.mime, media.size)
        return await self._send_file(person, kind, media, read)

    async def _send_document(self, person: Person, name: str, data: bytes) -> Receipt:
        async def read() -> bytes:
            return data

        document = StoredMedia(hashlib.sha256(data).hexdigest(), _TEXT_MIME, name, len(data))
        return await self._send_file(person, "file", document, read)

    async def _send_file(
        self, person: Person, kind: MediaKind, media: StoredMedia, read: Callable[[], Awaitable[bytes]]
    ) -> Receipt:
        # People see the name of a file, and it belongs to the upload; of a picture they do not.
        name = hashlib.sha256(media.name.encode("utf-8", "replace")).hexdigest()[:16] if kind == "file" else ""
        scope = f"{self._settings.api_base}/{self._settings.corp_id}"
        key = f"media/{scope}/{kind}/{media.sha256}/{name}"
        try:
            return Receipt(await self.api.send_media(person.user, kind, await self._uploaded(key, kind, media, read)))
        except MediaExpired:
            await self._cache.forget(key)
        return Receipt(await self.api.send_media(person.user, kind, await self._uploaded(key, kind, media, read)))

    async def _uploaded(
        self, key: str, kind: MediaKind, media: StoredMedia, read: Callable[[], Awaitable[bytes]]
    ) -> str:
        kept = await self._cache.get(key)
        if kept is not None:
            return kept.text
        media_id = await self.api.upload(kind, await read(), name=media.name, mime=media.mime)
        await self._cache.put(key, media_id, seconds=_MEDIA_SECONDS)
        return media_id


def open_api(settings: WeComAppSettings, cache: Cache, *, proxy: str = "") -> WeComApi:
    """Open an application's view of qyapi."""
    return WeComApi(
        QyapiHttp(settings.api_base, proxy=proxy),
        corp_id=settings.corp_id,
        secret=settings.secret.get_secret_value(),
        agent_id=settings.agent_id,
        cache=cache,
    )


def open_wecom_app(
    name: str,
    settings: WeComAppSettings,
    *,
    media: MediaStore,
    send_limiter: SendLimiter,
    cache_folder: Path,
    proxy: str = "",
    language: Language = "zh",
) -> WeComApp:
    """Open a channel with all its credentials set; `cache_folder` may be shared with other channels."""
    cache = Cache(cache_folder)
    api = open_api(settings, cache, proxy=proxy)
    return WeComApp(name, settings, api=api, cache=cache, send_limiter=send_limiter, media=media, language=language)
