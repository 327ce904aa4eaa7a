"""The way back, from WeCom to us: the keys, the path on this machine, and the URL from outside."""

import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

import httpx2

from adapters.network_errors import fix_for, is_local, open_probe_client
from adapters.wecom.callback.crypto import CallbackKeys
from pipeline.errors import BadCallback
from pipeline.findings import Finding, FindingFactory
from pipeline.net import cause_sentence

_WECOM_WAITS = 1.0
"""Seconds, for the check of a URL (wecom-protocol.md 1)."""
_OK = 200


class CalledBack(Protocol):
    """The settings of a channel that WeCom calls back."""

    @property
    def path(self) -> str:
        """Return where WeCom calls."""

    @property
    def keyring(self) -> tuple[CallbackKeys, ...]:
        """Return the pairs of token and key that callbacks may come under, the current one first."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to a channel's path: which check it is, its URL, and the proxy it goes through."""

    check: str
    url: str
    proxy: str = ""


def examine_keys(table: CalledBack, finding_factory: FindingFactory) -> Finding:
    """Encrypt something as WeCom would, and decrypt it again."""
    try:
        for keys in table.keyring:
            encrypted = keys.encrypt(secrets.token_bytes(24))
            keys.open(keys.sign("1", "n", encrypted), "1", "n", encrypted)
    except BadCallback as error:
        return finding_factory.failed("keys", "keys_bad", "keys_bad_fix", error=error)
    return finding_factory.ok("keys", "keys_two" if len(table.keyring) > 1 else "keys_ok")


async def examine_ways(
    channel: str,
    table: CalledBack,
    finding_factory: FindingFactory,
    *,
    local_url: str,
    public_url: str,
    proxy: str,
    seconds: float,
) -> AsyncIterator[Finding]:
    """Ask our own path for an echo, here and from outside, as WeCom does when the URL is saved."""
    if local_url:
        way = Way("callback", local_url + table.path)
        yield await _echoed(way, channel, table, finding_factory, seconds)
    else:
        yield finding_factory.skipped("callback", "callback_idle")
    if public_url:
        way = Way("public", public_url + table.path, proxy)
        yield await _echoed(way, channel, table, finding_factory, seconds)
    else:
        yield finding_factory.skipped("public", "callback_unset")


async def _echoed(
    way: Way, channel: str, table: CalledBack, finding_factory: FindingFactory, seconds: float
) -> Finding:
    echo = secrets.token_hex(16)
    proxied = bool(way.proxy) and not is_local(way.url)
    started = time.monotonic()
    try:
        async with await open_probe_client(proxy=way.proxy if proxied else "", seconds=seconds) as client:
            answer = await client.get(f"{way.url}?{urlencode(_asked(table.keyring[0], echo))}")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        fix = fix_for(error, proxied=proxied)
        return finding_factory.failed(way.check, "callback_unreachable", fix, url=way.url, error=cause_sentence(error))
    took = time.monotonic() - started
    facts = {"url": way.url, "status": answer.status_code, "path": table.path, "channel": channel}
    if answer.status_code != _OK:
        return finding_factory.failed(way.check, "callback_status", _status_fix(answer.status_code), **facts)
    if answer.content != echo.encode():
        return finding_factory.failed(way.check, "callback_echo", "callback_echo_fix", **facts)
    ms = round(took * 1000)
    if took > _WECOM_WAITS:
        return finding_factory.failed(way.check, "callback_slow", "callback_slow_fix", url=way.url, ms=ms)
    return finding_factory.ok(way.check, "callback_ok", url=way.url, ms=ms)


def _asked(keys: CallbackKeys, echo: str) -> dict[str, str]:
    encrypted = keys.encrypt(echo.encode())
    timestamp, nonce = str(int(time.time())), secrets.token_hex(8)
    return {
        "msg_signature": keys.sign(timestamp, nonce, encrypted),
        "timestamp": timestamp,
        "nonce": nonce,
        "echostr": encrypted,
    }


def _status_fix(status: int) -> str:
    match status:
        case 404 | 405:
            return "callback_absent_fix"
        case 400 | 403:
            return "callback_keys_fix"
        case 301 | 302 | 303 | 307 | 308:
            return "callback_moved_fix"
        case 502 | 503 | 504:
            return "callback_gateway_fix"
        case _:
            return "callback_other_fix"
