"""The service that may be running beside a shell verb: where it is, and how to speak to it."""

import asyncio
import ssl

import httpx2

from pipeline.settings import Server

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared, not bound


def service_url(server: Server) -> str:
    """Give the URL at which a service of these settings is reached from this machine; empty if the port is 0."""
    if server.port == 0:
        return ""
    host = _EVERYWHERE.get(server.host, server.host)
    return f"http://[{host}]:{server.port}" if ":" in host else f"http://{host}:{server.port}"


async def open_neighbour(server: Server, *, seconds: float) -> httpx2.AsyncClient:
    """Open a client for that service; a call may take `seconds`."""
    # The first client of a process reads files.
    return await asyncio.to_thread(
        httpx2.AsyncClient,
        base_url=service_url(server),
        # No proxy is needed to reach this machine, nor the system's certificates, which take 40 ms to read.
        trust_env=False,
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        timeout=httpx2.Timeout(seconds, connect=5),
    )
