"""Requests to whoever is out there, and why one failed, told apart by what has to be done about it."""

import asyncio
import socket
import ssl
from urllib.parse import urlsplit

import httpx2

from pipeline.net import causes_of


def is_local(url: str) -> bool:
    """Whether a URL leads to this machine, which no proxy is needed for."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


async def open_probe_client(*, proxy: str, seconds: float) -> httpx2.AsyncClient:
    """Open a client that trusts what the system trusts; reading its certificates takes a while."""
    return await asyncio.to_thread(
        httpx2.AsyncClient,
        trust_env=False,
        verify=await asyncio.to_thread(httpx2.create_ssl_context),
        proxy=proxy or None,
        timeout=seconds,
    )


def fix_for(error: Exception, *, proxied: bool) -> str:
    """Name the sentence that says what to do about a failed request."""
    causes = tuple(causes_of(error))
    if proxied and not any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "trouble_proxy_fix"
    for kinds, fix in (
        (socket.gaierror, "trouble_dns_fix"),
        (ssl.SSLError, "trouble_tls_fix"),
        (ConnectionRefusedError, "trouble_refused_fix"),
        ((httpx2.TimeoutException, TimeoutError), "trouble_timeout_fix"),
    ):
        if any(isinstance(cause, kinds) for cause in causes):
            return fix
    return "trouble_other_fix"
