"""A service that ran out of descriptors takes connections again when there are some."""

import asyncio
import os
import resource
import socket
from pathlib import Path

import httpx2

from tests.web.shell import free_port, start


async def test_a_service_that_ran_out_of_descriptors_recovers(tmp_path: Path) -> None:
    port = free_port()
    service = await start("serve", folder=tmp_path, environ={"WEBOT_SERVER__PORT": str(port)})
    try:
        assert service.stdout is not None
        while "webot 已就绪".encode() not in await service.stdout.readline():
            pass
        limits = resource.prlimit(service.pid, resource.RLIMIT_NOFILE)
        # Fewer than it has: not even the one that the loop holds in reserve can be opened again.
        have = len(await asyncio.to_thread(os.listdir, f"/proc/{service.pid}/fd"))
        resource.prlimit(service.pid, resource.RLIMIT_NOFILE, (have - 6, limits[1]))
        crowd = [await asyncio.to_thread(socket.create_connection, ("127.0.0.1", port)) for _ in range(50)]
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=1) as http:
            try:
                refused = await http.get("/test") is None
            except httpx2.HTTPError:
                refused = True
        resource.prlimit(service.pid, resource.RLIMIT_NOFILE, limits)
        for each in crowd:
            each.close()
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as http:
            pong = await http.get("/test")
    finally:
        service.terminate()
        await service.communicate()

    assert refused
    assert "pong" == pong.text
