"""The container's health check, run as Docker runs it, and what the service says of itself in trouble."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

from tests.service import RunningService, running_service

DOCKERFILE = (Path(__file__).parent.parent.parent / "Dockerfile").read_text(encoding="utf-8")
(COMMAND,) = re.findall(r"^ +CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)


async def healthy(service: RunningService) -> bool:
    """Run the health check with a proxy set that nobody answers at."""
    _, *arguments = json.loads(COMMAND)
    environ = {
        **os.environ,
        "WEBOT_SERVER__PORT": str(service.http.base_url.port),
        "http_proxy": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    program = await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environ)
    return await program.wait() == 0


async def test_the_health_check_asks_whether_it_is_ready_and_no_proxy(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        assert await healthy(service)
        await service.service.drain()
        assert not await healthy(service)


async def test_a_loop_that_ends_is_named_begun_again_and_counted(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        loop = next(loop for loop in service.service.loops if loop.name == "janitor")
        await loop.stop()
        ready = await service.http.get("/readyz")
        page = await service.http.get("/console/status")
        english = await service.http.get("/console/status?lang=en")
        loop.start()
        again = await service.http.get("/readyz")
        counted = await service.http.get("/metrics")

    assert (503, "janitor: does not run") == (ready.status_code, ready.json()["loops"])
    assert "已中断，正在重启： janitor：没有在运行" in page.text
    assert "have stopped and are being restarted: janitor: does not run" in english.text
    assert 200 == again.status_code
    assert 'webot_loop_up{loop="dispatcher"} 1.0' in counted.text
    for name in ("webot_turns_open", "webot_turns_oldest_seconds", "webot_disk_free_bytes", "webot_build_info"):
        assert re.search(rf"^{name}[ {{]", counted.text, re.MULTILINE), name
