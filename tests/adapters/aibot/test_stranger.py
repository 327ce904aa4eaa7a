"""Tencent's own client library for bots talks with the simulator, which is then right and not only like us."""

import asyncio
import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.simulator.platform.apps import App, invent_bot
from adapters.simulator.simulator import WeComSimulator
from tests.adapters.aibot.test_bot_media import png

HERE = Path(__file__).with_name("stranger")
_NPM_SECONDS = 60


@pytest.fixture(scope="module")
def sdk() -> Path:
    """Return a folder with the library as the lock file has it, installed once beside this Python."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("npm and node are needed for Tencent's own library")
    lock = (HERE / "package-lock.json").read_bytes()
    folder = Path(sys.prefix) / "npm" / f"aibot-{hashlib.sha256(lock).hexdigest()[:16]}"
    folder.parent.mkdir(exist_ok=True)
    # The tests run in several processes.
    with (folder.parent / "lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not folder.exists():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    begun = folder.with_suffix(".part")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, begun)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0"]
    try:
        done = subprocess.run(command, cwd=begun, capture_output=True, text=True, timeout=_NPM_SECONDS, check=False)  # noqa: S603 -- npm alone
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not get Tencent's own library within {_NPM_SECONDS} s")
    if done.returncode and "EINTEGRITY" not in done.stderr:
        pytest.skip(f"npm did not get Tencent's own library: {done.stderr.strip()[:300]}")
    assert not done.returncode, done.stderr
    begun.rename(folder)


@asynccontextmanager
async def stranger(sdk: Path, simulator: WeComSimulator, app: App) -> AsyncIterator[asyncio.StreamReader]:
    command = ("node", str(HERE / "stranger.mjs"), str(sdk), simulator.bot_url, app.bot_id, app.secret)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_stranger_subscribes_streams_uploads_reconnects_and_is_kicked(sdk: Path) -> None:
    async with WeComSimulator() as simulator:
        app = simulator.register(invent_bot())
        phone = simulator.phone("zhangsan")
        async with stranger(sdk, simulator, app) as out, asyncio.timeout(60):
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
