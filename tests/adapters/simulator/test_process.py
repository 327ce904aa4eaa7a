"""The simulator as a process of its own."""

import asyncio
import signal
import sys
from pathlib import Path

from pydantic_core import to_json

from adapters.simulator.platform.apps import App
from tests.adapters.simulator.receiver import Receiver
from tests.fakes.wecom.remote import RemoteSimulator


async def test_it_prints_its_url_serves_and_stops_when_told(tmp_path: Path, app: App, receiver: Receiver) -> None:
    apps = tmp_path / "apps.json"
    apps.write_bytes(to_json([app]))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.wecom", "--apps", str(apps), "--per-minute", "0"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        url = (await process.stdout.readline()).decode().strip()
        async with RemoteSimulator(url) as remote:
            posting = await remote.say("anybody", "hello")
        process.send_signal(signal.SIGTERM)
        status = await process.wait()

    assert url.startswith("http://127.0.0.1:")
    assert (True, ["hello"], 0) == (posting.accepted, receiver.contents(), status)


async def test_a_host_beyond_this_machine_is_refused_in_one_line() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.wecom", "--host", "0.0.0.0"),  # noqa: S104 - that is refused
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        _, errors = await process.communicate()

    assert 1 == process.returncode
    assert ["the simulator listens on this machine only: '0.0.0.0' is not 127.0.0.1, ::1 or localhost"] == (
        errors.decode().splitlines()
    )
