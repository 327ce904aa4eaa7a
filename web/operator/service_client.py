"""The service that may be running beside a shell verb: how to speak to it."""

import asyncio
import ssl

import httpx2


def bearer(token: str) -> dict[str, str]:
    """Return the headers that prove a token; none for none."""
    return {"Authorization": f"Bearer {token}"} if token else {}


async def open_service_client(url: str, *, seconds: float, token: str = "") -> httpx2.AsyncClient:
    """Open a client for a service of this machine; a call may take `seconds`, `token` is the service's own."""
    # The first client of a process reads files.
    return await asyncio.to_thread(
        httpx2.AsyncClient,
        base_url=url,
        headers=bearer(token),
        # No proxy is needed to reach this machine, nor the system's certificates, which take 40 ms to read.
        trust_env=False,
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        timeout=httpx2.Timeout(seconds, connect=5),
    )
