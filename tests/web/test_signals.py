"""What a running service does when the system tells it something."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
import structlog

from tests.service import until
from web.http.server import serve
from web.logs.setup import configure_logs
from web.settings.loading import load


async def test_a_hangup_opens_the_log_file_anew_and_a_termination_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, moved = tmp_path / "webot.log", tmp_path / "webot.log.moved"
    environ = {
        "WEBOT_SERVER__PORT": "0",
        "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db",
        "WEBOT_STORAGE__DATA_DIR": str(tmp_path / "data"),
        "WEBOT_LOG__OUTPUT": "file",
        "WEBOT_LOG__PATH": str(path),
    }
    monkeypatch.chdir(tmp_path)
    loaded = await asyncio.to_thread(load, tmp_path, environ)
    ready = asyncio.Event()
    with await asyncio.to_thread(configure_logs, loaded.settings.log) as logs:
        running = asyncio.create_task(
            serve(loaded, logs, announce=lambda *_: ready.set(), tell_password=lambda _: None)
        )
        await asyncio.wait({running, asyncio.create_task(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
        # Lines are written in a thread.
        await until(lambda: "ready" in path.read_text(encoding="utf-8"))
        path.rename(moved)
        path.touch()
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0)
        structlog.get_logger().info("after_the_hangup")
        await until(lambda: "after_the_hangup" in path.read_text(encoding="utf-8"))
        os.kill(os.getpid(), signal.SIGTERM)
        await running

    assert "ready" in moved.read_text(encoding="utf-8")
    assert "stopping" in path.read_text(encoding="utf-8")
