"""Frames and bodies of every wrong shape, given to a bot of a real webot; what it was like before, and after."""

import asyncio
import json
import random
import re
from dataclasses import dataclass
from typing import Any

import aiohttp
import psutil  # type: ignore[import-untyped]

from adapters.wecom.callback.crypto import CallbackKeys
from tests.resilience.bot_cluster import BotCluster

_NAMES = ("msgid", "aibotid", "chattype", "chatid", "from", "msgtype", "text", "stream", "event", "quote", "mixed")
_FRAME_NAMES = (*_NAMES, "cmd", "headers", "body", "req_id", "userid")
_LEAVES = (None, True, 1e308, -1, 2**70, "", "text", "event", "stream", "\x00\x1f", "\ud800", "字" * 50)
_DEEPEST = 4
_AT_ONCE = 8
_LARGE = 3 * 1024 * 1024
_BETWEEN_LARGE = 5000
_EVENT = re.compile(r"\]\s+(?:\x1b\[[\d;]*m)*(\w+)")


@dataclass(slots=True)
class Hostility:
    """What became of it."""

    given: int
    answered: bool
    """Whether a question was answered afterwards."""
    subscribed: int
    statuses: frozenset[int]
    events: frozenset[str]
    """Names of the lines that the log has of it."""
    megabytes: tuple[int, int]
    """Of memory after a tenth, and in the end."""


def hostile(chance: random.Random) -> bytes:
    """Return something that is no message."""
    match chance.randrange(10):
        case 0:
            return chance.randbytes(chance.randrange(400))
        case 1:
            return b"[" * chance.randrange(5000)
        case 2:
            return b'{"a":' * chance.randrange(3000)
        case 3:
            return json.dumps({"body": "x" * chance.randrange(60_000)}).encode()
        case _:
            return json.dumps(_shape(chance)).encode()


async def hostility(cluster: BotCluster, count: int, seed: int = 14) -> Hostility:
    """Give webot so many, by the way it is connected, and then a question."""
    chance = random.Random(seed)  # noqa: S311 -- the same each time
    service, start = cluster.services[0], cluster.services[0].log.stat().st_size
    process, early, statuses = psutil.Process(service.pid), 0, set[int]()
    async with aiohttp.ClientSession() as session:
        for first in range(0, count, _AT_ONCE):
            batch = [_one(cluster, session, chance, number) for number in range(first, min(first + _AT_ONCE, count))]
            statuses.update(await asyncio.gather(*batch))
            if not early and first >= count // 10:
                early = process.memory_info().rss // 1_000_000
    phone = cluster.simulator.phone("honest", agent_id=cluster.app.agent_id)
    await phone.say("a question")
    answers = await phone.messages(count=1, within=120)
    late = process.memory_info().rss // 1_000_000
    with service.log.open(errors="replace") as log:
        log.seek(start)
        events = frozenset(found[1] for line in log if (found := _EVENT.search(line)) is not None)
    return Hostility(
        count,
        any(each.text for each in answers),
        cluster.simulator.bots.frames["aibot_subscribe"],
        frozenset(statuses - {0}),
        events,
        (early, late),
    )


async def _one(cluster: BotCluster, session: aiohttp.ClientSession, chance: random.Random, number: int) -> int:
    data = hostile(chance)
    if cluster.mode == "connection":
        if number % _BETWEEN_LARGE == _BETWEEN_LARGE - 1:
            data = b" " * _LARGE
        try:
            # What is no text may not be sent as one: it would end any connection.
            text: str | bytes = data.decode() if number % 2 else data
        except UnicodeDecodeError:
            text = data
        await cluster.simulator.bots.send_raw(cluster.app, text)
        return 0
    keys = CallbackKeys.of(cluster.app.token, cluster.app.encoding_aes_key, "")
    encrypted = keys.encrypt(data)
    query = {"msg_signature": keys.sign("1700000000", "n", encrypted), "timestamp": "1700000000", "nonce": "n"}
    body = data if number % 4 else json.dumps({"encrypt": encrypted}).encode()
    url = f"http://127.0.0.1:{cluster.services[0].port}/bot"
    async with session.post(url, params=query, data=body) as answer:
        return answer.status


def _shape(chance: random.Random, depth: int = 0) -> Any:  # noqa: ANN401 -- whatever JSON may hold
    kind = chance.randrange(9)
    if kind < 2 or depth > _DEEPEST:
        return chance.choice(_LEAVES)
    if kind < 4:
        return [_shape(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(_FRAME_NAMES): _shape(chance, depth + 1) for _ in range(chance.randrange(6))}
