"""The one message that may follow a callback, at the address that came with it; WeCom takes it once, within an hour.

Whoever has the address can send to it: it is never logged, and leads to WeCom, or to this
machine where WeCom is played.
"""

import hashlib
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qsl, urlsplit

import structlog

from adapters.aibot.frames import markdown_body
from adapters.wecom.client.errors import error_for
from adapters.wecom.client.http import QyapiHttp
from pipeline.errors import TryAgain, Undeliverable
from pipeline.net import is_loopback_host
from pipeline.ports import PolledStream, PolledStreamStore
from pipeline.text.i18n import Sentence

log = structlog.get_logger()

_HOST = "qyapi.weixin.qq.com"
_ROOT = "/cgi-bin/"
_LONGEST = 2048
_GOOD_SECONDS = 3300.0
"""For which an address is used after its callback; WeCom takes it for an hour."""


def usable_address(value: object, *, local: bool) -> str:
    """Return a response_url that leads to WeCom, empty for any other; `local` allows this machine."""
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isascii() or not value.isprintable():
        return ""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    is_wecom = parts.scheme == "https" and host == _HOST and port in {None, 443}
    is_here = local and parts.scheme == "http" and is_loopback_host(host)
    right = (is_wecom or is_here) and not parts.username and parts.path.startswith(_ROOT)
    return value if right and ".." not in parts.path and "%" not in parts.path else ""


class ResponseAddress:
    """Sends the message that follows, once, however often it is tried."""

    def __init__(self, channel: str, streams: PolledStreamStore, *, proxy: str) -> None:
        self._channel = channel
        self._streams = streams
        self._proxy = proxy
        self._clients: dict[str, QyapiHttp] = {}

    async def send(self, stream_id: str, text: str, *, chat: str, now: float, feedback: str) -> None:
        """Send a text, by another callback's address of the chat where its own is used up or refused.

        `feedback` is what comes back with a press of the thumbs under it.

        One that was sent, or may have been, is not sent again. Raises `Undeliverable` where no address is left until
        the chat's next message, and `TryAgain`.
        """
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        others = [one for one in await self._streams.in_chat(chat, since=now - _GOOD_SECONDS) if one.address]
        # One that may have taken the text already goes before the others, or it would be there twice.
        begun = [one.stream_id for one in others if one.addressed == digest]
        free = [one.stream_id for one in others if not one.addressed and one.stream_id != stream_id]
        reason, code = "", ""
        for wanted in dict.fromkeys((*begun, stream_id, *free)):
            try:
                await self._send_by(wanted, digest, text, feedback)
            except Undeliverable as error:
                reason, code = reason or error.args[0], code or error.code
            else:
                return
        raise Undeliverable(reason, code=code, until_message=True)

    async def _send_by(self, stream_id: str, digest: str, text: str, feedback: str) -> None:
        changed = await self._streams.change(stream_id, partial(_taken, digest=digest))
        if changed is None:
            raise Undeliverable(Sentence("reason.response_late"))
        before, stream = changed
        if not stream.address:
            raise Undeliverable(Sentence("reason.response_none"))
        if stream.addressed != digest:
            raise Undeliverable(Sentence("reason.response_used"))
        if stream.is_address_used:
            return
        parts = urlsplit(stream.address)
        answer = await self._client(f"{parts.scheme}://{parts.netloc}").call(
            parts.path.removeprefix(_ROOT), dict(parse_qsl(parts.query)), body=markdown_body(text, feedback=feedback)
        )
        if answer.errcode and before.addressed == digest:
            # An earlier try, of which nothing is known, may have used it up: then the text is there.
            log.warning("bot_answer_unconfirmed", channel=self._channel)
        elif answer.errcode:
            log.warning("wecom_refused", api="aibot/response", errcode=answer.errcode)
            error = error_for(answer.errcode, answer.errmsg)
            if isinstance(error, TryAgain):
                await self._streams.change(stream_id, lambda now: replace(now, addressed=""))
            raise error
        await self._streams.change(stream_id, lambda now: replace(now, is_address_used=True))

    async def aclose(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()

    def _client(self, base: str) -> QyapiHttp:
        if base not in self._clients:
            self._clients[base] = QyapiHttp(base, proxy=self._proxy)
        return self._clients[base]


def _taken(stream: PolledStream, *, digest: str) -> PolledStream:
    return stream if stream.addressed or not stream.address else replace(stream, addressed=digest)
