"""Connections to one model for many calls at once.

One pool of the HTTP library looks at each of its connections on every call: a thousand conversations waiting on a
model would cost ten times the work of a few (13 ms a call measured at 500 calls on one pool, under 3 ms here). So
calls are spread over small pools; a quiet service keeps using the first, whose connections stay warm.
"""

from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self, cast

import httpx2

POOL = 32
"""How many calls at once one pool carries before the next is used."""

_KEPT_SECONDS = 60.0
_CONNECT_SECONDS = 10.0


def patience(seconds: float) -> httpx2.Timeout:
    """Give the time-outs of a call that may take so many seconds; an address nobody listens at is given up sooner."""
    return httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def open_client(*, proxy: str) -> httpx2.AsyncClient:
    """Open a client for any number of calls at once; an empty `proxy` is none, whatever the environment says."""
    trusted = httpx2.create_ssl_context()
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=POOL, keepalive_expiry=_KEPT_SECONDS)

    def open_pool() -> httpx2.AsyncBaseTransport:
        return httpx2.AsyncHTTPTransport(verify=trusted, limits=limits, proxy=proxy or None, trust_env=False)

    return httpx2.AsyncClient(transport=Pools(open_pool), trust_env=False)


class Pools(httpx2.AsyncBaseTransport):
    """A transport that opens further pools as more calls are under way."""

    def __init__(self, open_pool: Callable[[], httpx2.AsyncBaseTransport]) -> None:
        self._open_pool = open_pool
        self._pools: list[_Pool] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request through the first pool that has room."""
        pool = next((pool for pool in self._pools if pool.busy < POOL), None)
        if pool is None:
            pool = _Pool(self._open_pool())
            self._pools.append(pool)
        return await pool.send(request)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every pool."""
        pools, self._pools = self._pools, []
        for pool in pools:
            await pool.transport.aclose()


class _Pool:
    """A pool that counts its calls, from the request's first byte to the response's last."""

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        self.transport = transport
        self.busy = 0

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        self.busy += 1
        try:
            response = await self.transport.handle_async_request(request)
        except BaseException:
            self.busy -= 1
            raise
        response.stream = _Counted(cast("httpx2.AsyncByteStream", response.stream), self)
        return response


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, pool: _Pool) -> None:
        self._stream = stream
        self._pool: _Pool | None = pool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.busy -= 1
        await self._stream.aclose()
