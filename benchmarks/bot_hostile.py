"""Give a bot 100,000 hostile frames and bodies, and print what refused them, what that took, and the memory.

    python -m benchmarks.bot_hostile [COUNT]

Half are frames of its connection, the other half bodies posted to its path, many of these sealed with its own keys so
that what is inside is read. First they are read here, which says what refuses each; then as many are sent to a webot.
It fails where one of them is taken for a message, memory grows, the connection is not the first any more, a question
after them has no answer, or the log has more of them than refusals.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr

from adapters.aibot.bot_settings import WeComAibotSettings
from adapters.aibot.callback.callback_channel import CallbackBotChannel
from adapters.aibot.event_reader import read_message
from adapters.aibot.frames import FrameRefused, read_frame
from adapters.wecom.callback.crypto import CallbackKeys
from pipeline.errors import BadCallback
from pipeline.events import InboundEvent
from pipeline.ports import WebhookRequest
from tests.resilience.bot_cluster import BotCluster, Mode
from tests.resilience.bot_hostility import hostile, hostility

_COUNT = 100_000
_KEY = "a" * 43
_LOGGED = {"ready", "bot_connected", "bot_frame_refused", "callback_refused", "turn_done"}
_GROWTH = 16
"""Megabytes more than after the first tenth that are no growth."""


async def main() -> None:
    """Run it."""
    count = int(sys.argv[1]) if sys.argv[1:] else _COUNT
    chance = random.Random(14)  # noqa: S311 -- the same each time
    keys = CallbackKeys.of("token", _KEY, "")
    none: Any = None
    table = WeComAibotSettings(mode="callback", token=SecretStr("token"), encoding_aes_key=SecretStr(_KEY))
    bot = CallbackBotChannel("bot", table, streams=none, media=none, send_limiter=none)
    refused: Counter[str] = Counter()
    began, early = time.process_time(), 0
    for number in range(count):
        data = hostile(chance)
        refused[_frame(data) if number % 2 else await _body(bot, keys, data, sealed=number % 4 == 0)] += 1
        if number == count // 10:
            early = _megabytes()
    took, late = time.process_time() - began, _megabytes()
    for reason, times in refused.most_common():
        print(f"{times:7,}  {reason}")
    print(f"{count:7,}  in {took:.1f} s of CPU; {early} MB after a tenth, {late} MB in the end")
    if late > early + _GROWTH:
        sys.exit("memory grows")
    for mode in get_args(Mode):
        await _served(mode, count // 2)


async def _served(mode: Mode, count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="webot-bench-") as folder:
        async with BotCluster(Path(folder), mode) as cluster:
            await cluster.start(1)
            if mode == "connection":
                await cluster.simulator.bots.connected(cluster.app, within=60)
            happened = await hostility(cluster, count)
    early, late = happened.megabytes
    print(f"{count:7,}  to a webot by {mode}: {early} MB after a tenth, {late} MB in the end;", end=" ")
    print(f"statuses {sorted(happened.statuses)}, log {sorted(happened.events)}")
    if not happened.answered or happened.subscribed > 1 or late > early + _GROWTH or happened.events - _LOGGED:
        sys.exit("the connection or the route did not stay up, memory grew, or the log has more than refusals")


def _frame(data: bytes) -> str:
    try:
        frame = read_frame(data)
        read_message(frame.body, channel="bot", bot_id="aib", names=(), now=datetime.now(UTC))
    except FrameRefused as refusal:
        return str(refusal)
    sys.exit(f"a message was made of {data[:200]!r}")


async def _body(bot: CallbackBotChannel, keys: CallbackKeys, data: bytes, *, sealed: bool) -> str:
    encrypted = keys.encrypt(data)
    query = {"msg_signature": keys.sign("1700000000", "n", encrypted), "timestamp": "1700000000", "nonce": "n"}
    body = json.dumps({"encrypt": encrypted}).encode() if sealed else data
    try:
        answer = await bot.respond(WebhookRequest("POST", query, body), _accept)
    except BadCallback as refusal:
        return f"HTTP {refusal.status}: {refusal}" if refusal.status != 413 else "HTTP 413"
    if answer.body:
        sys.exit(f"something was said to {data[:200]!r}")
    return "passed over: an event that webot does not know"


async def _accept(event: InboundEvent) -> bool:
    sys.exit(f"a message was made: {event.key}")


def _megabytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4 // 1024


if __name__ == "__main__":
    asyncio.run(main())
