"""Connections to a model for many calls at once: httpx2, as the OpenAI library wants it, over aiohttp's connections.

httpx2's own transport looks at each of its connections on every call and takes three times the CPU (0.6 beside 0.2 ms
a call measured, 13 ms with 500 under way). The OpenAI library brings one over aiohttp too, but to that a server that
cannot be reached is one that takes too long.

An answer has so many bytes and no more. It is asked for uncompressed, and one that is compressed all the same is
unpacked a piece at a time, so that a few bytes cannot become many.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from io import BytesIO

import aiohttp
import httpx2
from multidict import CIMultiDict
from yarl import URL

_KEPT_SECONDS = 60.0
_CONNECT_SECONDS = 10.0
_PIECE = 2**16
_LARGE = 2**19
_ENCODINGS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_STREAM = "text/event-stream"
_OF_ONE_BODY = ("content-length", "transfer-encoding")
_REDIRECTION = 300

BODY = "webot_body"
"""Under this name a response's extensions have its `Body`."""

ANSWER_BYTES = 12 * 2**20
"""Bytes an answer may have, or one event of a streamed one: the longest text many times, or a picture of 9 MB."""

STREAM_BYTES = 64 * 2**20
"""Bytes a streamed answer may have, in which each word has a frame of its own that is not kept."""


HANDED: ContextVar[httpx2.Response | httpx2.TransportError | None] = ContextVar("handed", default=None)
"""What has come of the next request already, so that it is not sent again."""


class AnswerTooLarge(httpx2.DecodingError):
    """An answer of more bytes, or of more values, than any honest one."""

    def __init__(self, message: str = "an answer of more bytes than any honest one") -> None:
        super().__init__(message)


def timeouts(seconds: float) -> httpx2.Timeout:
    """Return the time-outs of a call that may take so many seconds; an address nobody listens at is given up sooner."""
    return httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request but for its content: what many calls have in common, made once."""

    request: httpx2.Request
    url: URL
    headers: CIMultiDict[str]
    timeout: aiohttp.ClientTimeout


def prepared(request: httpx2.Request) -> Prepared:
    """Return a request as it is sent, without what belongs to its content."""
    headers = CIMultiDict(_without(request.headers.multi_items(), *_OF_ONE_BODY, "accept-encoding"))
    headers["Accept-Encoding"] = "identity"
    patience = request.extensions.get("timeout", {})
    return Prepared(
        request,
        URL(str(request.url), encoded=True),
        headers,
        aiohttp.ClientTimeout(total=None, sock_connect=patience.get("connect"), sock_read=patience.get("read")),
    )


def open_client(*, proxy: str, largest: int = ANSWER_BYTES) -> "ModelClient":
    """Open a client for any number of calls at once; an empty `proxy` is none, whatever the environment says.

    Answers of more than `largest` bytes are refused. Reads certificates, so it is not for the event loop.
    """
    return ModelClient(Transport(proxy=proxy, largest=largest))


class ModelClient(httpx2.AsyncClient):
    """The client the OpenAI library is given; a request it has sent once can be sent past it with another content."""

    def __init__(self, transport: "Transport") -> None:
        super().__init__(transport=transport, trust_env=False)
        self._connections = transport

    async def send_again(self, request: Prepared, content: bytes) -> "Body":
        """Send a request with this content and return what answers, at a third of the CPU of `send` (measured).

        Raises as `send` does; redirects are not followed.
        """
        return await self._connections.exchange(request, content)


class Transport(httpx2.AsyncBaseTransport):
    """Carries requests over aiohttp; what goes wrong is raised as httpx2 has it."""

    def __init__(self, *, proxy: str = "", largest: int = ANSWER_BYTES) -> None:
        self._largest = largest
        self._proxy = proxy or None
        self._trusted = httpx2.create_ssl_context()
        self._opened: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and give the response as soon as its head is there."""
        if (handed := HANDED.get()) is not None:
            HANDED.set(None)
            if isinstance(handed, httpx2.Response):
                return handed
            raise handed
        body = await self.exchange(prepared(request), await request.aread())
        return body.response(request)

    async def exchange(self, request: Prepared, content: bytes) -> "Body":
        """Send a request and return its answer's body as soon as the head is there; raises as httpx2 does."""
        with _as_httpx2():
            response = await self._session.request(
                request.request.method,
                request.url,
                headers=request.headers,
                # aiohttp warns of many bytes in one piece.
                data=BytesIO(content) if len(content) > _LARGE else content or None,
                allow_redirects=False,
                timeout=request.timeout,
            )
        try:
            return Body(response, self._largest)
        except httpx2.DecodingError:
            response.close()
            raise

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


class Body(httpx2.AsyncByteStream):
    """A response's body, unpacked and bounded; one that is not read to its end takes its connection along."""

    def __init__(self, response: aiohttp.ClientResponse, largest: int) -> None:
        self._response = response
        self._streamed = response.content_type == _STREAM
        self._left = STREAM_BYTES if self._streamed else largest
        self._line = 0
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding in {"", "identity"}:
            self._unpacker = None
        elif encoding in _ENCODINGS:
            self._unpacker = zlib.decompressobj(_ENCODINGS[encoding])
        else:
            raise httpx2.DecodingError("an answer compressed in a way it was not asked for")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx2():
            # All that has come, at most twice the 64 KB aiohttp holds back at, not one frame at a time.
            while piece := await self._response.content.readany():
                for unpacked in self._unpacked(piece):
                    self._count(unpacked)
                    yield unpacked

    @property
    def is_success(self) -> bool:
        """Whether the server says that all went well."""
        return self._response.ok and self._response.status < _REDIRECTION

    @property
    def is_framed(self) -> bool:
        """Whether the body says itself where it ends."""
        headers = self._response.headers
        return "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()

    def response(self, request: httpx2.Request) -> httpx2.Response:
        """Return the response this is the body of, as httpx2 has it."""
        # What the body gives is unpacked already.
        headers = _without(self._response.headers.items(), "content-encoding", "content-length")
        return httpx2.Response(
            self._response.status, headers=headers, stream=self, request=request, extensions={BODY: self}
        )

    async def aclose(self) -> None:
        """Return the connection to the pool, or close it where something was left unread."""
        self._response.release()

    async def pause(self, seconds: float) -> None:
        """Read nothing for a while: the system collects what comes, and one look takes all of it.

        A word at a time costs 60 µs each, most of it for waking up (measured).
        """
        connection = self._response.connection
        if not seconds or connection is None or (transport := connection.transport) is None:
            return
        transport.pause_reading()
        try:
            await asyncio.sleep(seconds)
        finally:
            if not transport.is_closing():
                transport.resume_reading()

    def _unpacked(self, piece: bytes) -> Iterator[bytes]:
        unpacker = self._unpacker
        if unpacker is None:
            yield piece
            return
        try:
            while unpacked := unpacker.decompress(piece, _PIECE):
                yield unpacked
                piece = unpacker.unconsumed_tail
        except zlib.error as error:
            raise httpx2.DecodingError("an answer that is not compressed as it says") from error

    def _count(self, piece: bytes) -> None:
        self._left -= len(piece)
        end = piece.rfind(b"\n")
        self._line = self._line + len(piece) if end < 0 else len(piece) - end - 1
        if self._left < 0 or (self._streamed and self._line > ANSWER_BYTES):
            self._response.close()
            raise AnswerTooLarge


def _without(headers: Iterable[tuple[str, str]], *names: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in names]


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
