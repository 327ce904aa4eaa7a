"""Requests to whoever is out there, and why one failed, told apart by what has to be done about it."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2


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
    causes = tuple(_causes(error))
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


def short_cause(error: Exception) -> str:
    """Return the last cause in a few words; it names no address and no secret."""
    last = tuple(_causes(error))[-1]
    said = str(getattr(last, "reason", "") or getattr(last, "strerror", "") or "")
    return f"{type(last).__name__} {said}".strip()


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
