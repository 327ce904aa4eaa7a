"""Tencent's own client library for bots talks with the simulator, which is then right and not only like us."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.simulator.platform.apps import App, invent_bot
from adapters.simulator.simulator import WeComSimulator
from tests.adapters.aibot.test_bot_media import png

SDK = os.environ.get("WEBOT_TEST_AIBOT_SDK", "")
"""A folder with node_modules/@wecom/aibot-node-sdk: `npm install --prefix FOLDER @wecom/aibot-node-sdk`."""

pytestmark = pytest.mark.skipif(
    not SDK or shutil.which("node") is None, reason="WEBOT_TEST_AIBOT_SDK names no folder with Tencent's library"
)


@asynccontextmanager
async def stranger(simulator: WeComSimulator, app: App) -> AsyncIterator[asyncio.StreamReader]:
    script = Path(__file__).with_name("stranger.mjs")
    process = await asyncio.create_subprocess_exec(
        "node", str(script), SDK, simulator.bot_url, app.bot_id, app.secret, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_stranger_subscribes_streams_uploads_reconnects_and_is_kicked() -> None:
    async with WeComSimulator() as simulator:
        app = simulator.register(invent_bot())
        phone = simulator.phone("zhangsan")
        async with stranger(simulator, app) as out, asyncio.timeout(30):
            assert b"authenticated\n" == await out.readline()
            await phone.say("hello\x01")
            answer = await phone.texts()
            await phone.send_image(png(), "red.png")
            _, file = await phone.messages(count=2)
            await simulator.bots.drop(app)
            assert b"authenticated\n" == await out.readline()
            await phone.say("again")
            *_, again = await phone.texts(count=3)
            await simulator.bots.kick(app)
            assert b"kicked\n" == await out.readline()

    assert ["heard hello"] == answer
    assert file.media is not None
    assert ("back-red.png", len(png())) == (file.media.name, file.media.size)
    assert "heard again" == again
