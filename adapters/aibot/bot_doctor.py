"""What the doctor looks at in a bot: the way to WeCom, and whether the running service is connected.

Nothing here subscribes: that would end the connection of whoever has the bot.
"""

import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import httpx2

from adapters.aibot.bot_settings import WeComAibotSettings
from adapters.network_errors import fix_for, open_probe_client
from pipeline.findings import Finding, FindingFactory
from pipeline.net import cause_sentence, is_loopback_host


async def examine_bot(
    table: WeComAibotSettings, findings: FindingFactory, *, local_url: str, proxy: str, seconds: float
) -> AsyncIterator[Finding]:
    """Open the WebSocket and close it again, then ask the running service how its connection stands."""
    yield await _reach(table.connection_url, findings, proxy, seconds)
    yield await _connected(table.bot_id, findings, local_url, seconds)


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
