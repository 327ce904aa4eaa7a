"""Connections to a model for many calls at once: httpx2, as the OpenAI library wants it, over aiohttp's connections.

httpx2's own transport looks at each of its connections on every call and takes three times the CPU (0.6 beside 0.2 ms
a call measured, 13 ms with 500 under way). The OpenAI library brings one over aiohttp too, but to that a server that
cannot be reached is one that takes too long.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import BytesIO

import aiohttp
import httpx2
from yarl import URL

_KEPT_SECONDS = 60.0
_CONNECT_SECONDS = 10.0
_PIECE = 2**16
_LARGE = 2**19


def patience(seconds: float) -> httpx2.Timeout:
    """Give the time-outs of a call that may take so many seconds; an address nobody listens at is given up sooner."""
    return httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def open_client(*, proxy: str) -> httpx2.AsyncClient:
    """Open a client for any number of calls at once; an empty `proxy` is none, whatever the environment says.

    Reads certificates, so it is not for the event loop.
    """
    return httpx2.AsyncClient(transport=Transport(proxy=proxy), trust_env=False)


class Transport(httpx2.AsyncBaseTransport):
    """Carries requests over aiohttp; what goes wrong is raised as httpx2 has it."""

    def __init__(self, *, proxy: str = "") -> None:
        self._proxy = proxy or None
        self._trusted = httpx2.create_ssl_context()
        self._opened: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and give the response as soon as its head is there."""
        content = await request.aread()
        patience = request.extensions.get("timeout", {})
        with _as_httpx2():
            response = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                # aiohttp warns of many bytes in one piece.
                data=BytesIO(content) if len(content) > _LARGE else content or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=patience.get("connect"), sock_read=patience.get("read")
                ),
            )
        return httpx2.Response(
            response.status, headers=list(response.raw_headers), stream=_Body(response), request=request
        )

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._opened = self._opened, None
        if session is not None:
            await session.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        # A session belongs to the loop that runs when it is made.
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                # 0 is any number.
                connector=aiohttp.TCPConnector(ssl=self._trusted, limit=0, keepalive_timeout=_KEPT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                proxy=self._proxy,
            )
        return self._opened


class _Body(httpx2.AsyncByteStream):
    """A response's body; one that is not read to its end takes its connection along."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx2():
            async for piece in self._response.content.iter_chunked(_PIECE):
                yield piece

    async def aclose(self) -> None:
        self._response.release()


@contextmanager
def _as_httpx2() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError) as error:
        raise httpx2.ProxyError(type(error).__name__) from error
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx2.ConnectTimeout(type(error).__name__) from error
    except TimeoutError as error:
        raise httpx2.ReadTimeout(type(error).__name__) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx2.ConnectError(type(error).__name__) from error
    except aiohttp.InvalidURL as error:
        raise httpx2.UnsupportedProtocol(type(error).__name__) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx2.ReadError(type(error).__name__) from error
