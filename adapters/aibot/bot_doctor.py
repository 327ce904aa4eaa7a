"""What the doctor looks at in a bot: the way to WeCom, and whether the running service is connected.

It does not subscribe: that would end the connection of whoever has the bot. `connect_once` does, where it is asked to.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import urlsplit

import aiohttp
import httpx2

from adapters.aibot.bot_settings import WeComAibotSettings
from adapters.aibot.connection import BotConnection
from adapters.network_errors import fix_for, open_probe_client
from pipeline.findings import Finding, FindingFactory
from pipeline.net import cause_sentence, is_loopback_host
from pipeline.text.i18n import Sentence


async def examine_bot(
    table: WeComAibotSettings, findings: FindingFactory, *, local_url: str, proxy: str, seconds: float
) -> AsyncIterator[Finding]:
    """Open the WebSocket and close it again, then ask the running service how its connection stands."""
    yield await _reach(table.connection_url, findings, proxy, seconds)
    yield await _connected(table.bot_id, findings, local_url, seconds)


async def connect_once(
    channel: str, table: WeComAibotSettings, findings: FindingFactory, *, proxy: str, seconds: float
) -> AsyncIterator[Finding]:
    """Subscribe for a moment, which ends the connection of whoever has the bot; one that is called back has none."""
    if table.mode != "connection":
        return
    connection = BotConnection(
        channel,
        table.connection_url,
        bot_id=table.bot_id,
        secret=table.secret.get_secret_value(),
        on_callback=lambda _: None,
        proxy=proxy,
    )
    running = asyncio.create_task(connection.run())
    try:
        for _ in range(round(seconds)):
            if await connection.subscribed(1.0):
                yield findings.ok("bot", "bot_subscribed")
                return
            if connection.state == "refused":
                break
        reason = connection.trouble or Sentence("init.no_subscription")
        yield findings.failed("bot", "bot_trouble", "bot_trouble_fix", reason=reason)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def _reach(url: str, findings: FindingFactory, proxy: str, seconds: float) -> Finding:
    used = "" if is_loopback_host(urlsplit(url).hostname or "") else proxy
    began = time.monotonic()
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as client,
            client.ws_connect(url, proxy=used or None),
        ):
            took = round((time.monotonic() - began) * 1000)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        fix = fix_for(error, proxied=bool(used))
        return findings.failed("network", "network_bad", fix, base=url, error=cause_sentence(error))
    return findings.ok("network", "network_ok", base=url, ms=took)


async def _connected(bot_id: str, findings: FindingFactory, local_url: str, seconds: float) -> Finding:
    if not local_url:
        return findings.skipped("bot", "bot_idle")
    try:
        async with await open_probe_client(proxy="", seconds=seconds) as client:
            readiness = (await client.get(f"{local_url}/readyz", params={"bot": bot_id})).json()
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
        return findings.skipped("bot", "bot_idle")
    state = str(readiness.get("bot", "unknown")) if isinstance(readiness, dict) else "unknown"
    match state:
        case "ok":
            return findings.ok("bot", "bot_connected")
        case "unknown":
            return findings.failed("bot", "bot_unknown", "bot_unknown_fix")
        case _:
            return findings.failed("bot", "bot_trouble", "bot_trouble_fix", reason=state)
