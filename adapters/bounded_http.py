"""Uvicorn's HTTP protocol with bounds on what a client may send and how long it may take, and on connections."""

import asyncio
import resource
import sys
from collections import OrderedDict
from functools import partial
from typing import Any, cast

import httptools
import structlog
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from pipeline import metrics

log = structlog.get_logger()

HEAD_BYTES = 16 * 1024
"""Bytes that a request line and its headers may have together; a callback has under 1,000."""
HEAD_SECONDS = 5.0
"""Seconds from connecting, or from the first byte of a later request, until the head is whole."""
_LINGER_SECONDS = 2.0
"""Seconds in which a client that was answered early may send the rest of its request."""
_MOST_CONNECTIONS = 4096
_MOST_DESCRIPTORS = 65_536
_PIECE = 4096

_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"


class ConnectionLimit:
    """The connections that one process has open, on all of its servers.

    At the limit, the connection that has kept us waiting for the longest is closed for the new one: so connections on
    which nothing comes keep nobody out. Those whose request is being answered are never closed.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.open: set[BoundedHttpProtocol] = set()
        self._waited_for: OrderedDict[BoundedHttpProtocol, None] = OrderedDict()

    def add(self, connection: "BoundedHttpProtocol") -> None:
        """Count a new connection, which waits for its client."""
        self.open.add(connection)
        self.wait_for(connection)
        if len(self.open) > self.most:
            oldest = next(iter(self._waited_for))
            self.remove(oldest)
            oldest.refuse("too_many_connections")

    def remove(self, connection: "BoundedHttpProtocol") -> None:
        """Count a connection no more."""
        self.open.discard(connection)
        self.work_on(connection)

    def wait_for(self, connection: "BoundedHttpProtocol") -> None:
        """Note that it is the client's turn."""
        if connection in self.open:
            self._waited_for[connection] = None

    def work_on(self, connection: "BoundedHttpProtocol") -> None:
        """Note that it is our turn."""
        self._waited_for.pop(connection, None)


def raise_descriptor_limit() -> None:
    """Raise the limit of open files and sockets above the usual 1,024, as far as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connection_limit() -> ConnectionLimit:
    """Make a limit that leaves half of the descriptors to the database, models and files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ConnectionLimit(_MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(_MOST_CONNECTIONS, soft // 2))


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection; it ends when its client sends too much or too slowly before there is anything to answer."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limit: ConnectionLimit,
        head_seconds: float,
        linger_seconds: float,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limit = limit
        self._head_seconds = head_seconds
        self._linger_seconds = linger_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._in_body = False
        self._head_begun = False
        # Bytes of the head that is being read, or of the body since it last grew: chunk sizes, trailers.
        self._waste = 0
        self._piece = b""
        self._wants_upgrade = False
        # What the piece being parsed held.
        self._ended = self._began = self._grew = False

    @classmethod
    def within(
        cls,
        limit: ConnectionLimit,
        *,
        head_seconds: float = HEAD_SECONDS,
        linger_seconds: float = _LINGER_SECONDS,
    ) -> type[asyncio.Protocol]:
        """Return what uvicorn takes for the class of a protocol."""
        made = partial(cls, limit=limit, head_seconds=head_seconds, linger_seconds=linger_seconds)
        return cast("type[asyncio.Protocol]", made)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._set_timer(self._head_seconds, self._on_head_late)
        self._limit.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._limit.remove(self)
        self._unset_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, a piece at a time, so that no more than the head's bound is ever kept of a head."""
        start = 0
        while start < len(data) and not self.transport.is_closing():
            room = HEAD_BYTES - self._waste
            if room <= 0:
                self.refuse("body_malformed" if self._in_body else "head_too_large", _TOO_LARGE)
                return
            piece = data[start : start + min(room, _PIECE)]
            start += len(piece)
            self._ended = self._began = self._grew = False
            self._piece = piece
            super().data_received(piece)
            self._count(len(piece))

    def on_message_begin(self) -> None:
        """Note where a head begins."""
        super().on_message_begin()
        self._head_begun = self._began = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Receive a header; those after a chunked body are ignored."""
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        if self.parser.should_upgrade():
            self._wants_upgrade = True
            return
        self._head_begun, self._in_body, self._ended = False, True, True
        self._unset_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Receive a part of the body."""
        self._grew = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that it is our turn, or, answered already, the client's again."""
        if self._wants_upgrade:
            return
        self._in_body, self._ended = False, True
        self._unset_timer()
        if not self.cycle.response_complete:
            self._limit.work_on(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request; for the rest of an answered one only a little while."""
        pipelined = bool(self.pipeline)
        super().on_response_complete()
        if not pipelined and not self.transport.is_closing():
            self._limit.wait_for(self)
            if self._in_body:
                self._set_timer(self._linger_seconds, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, and count it."""
        metrics.INVALID_REQUESTS.labels("not_http").inc()
        super().send_400_response(msg)

    def _unsupported_upgrade_warning(self) -> None:
        """Read a request anew without its `Upgrade`, which a server may ignore.

        The parser takes it for one without a body, and the body for the next request: an answer to what nobody has
        asked. Java's HTTP client wishes for h2c with every request.
        """
        error = sys.exc_info()[1]
        assert isinstance(error, httptools.HttpParserUpgrade)  # noqa: S101 (uvicorn calls this where it has caught one)
        method, rest = self.parser.get_method(), self._piece[error.args[0] :]
        if method == b"CONNECT":
            self.send_400_response("Invalid HTTP request received.")
            return
        lines = [b"%b %b HTTP/%b" % (method, self.url, self.parser.get_http_version().encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] not in {b"connection", b"upgrade"}]
        if any(name == b"connection" and b"close" in value.lower() for name, value in self.headers):
            lines.append(b"connection: close")
        self._wants_upgrade = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self._piece = b"\r\n".join([*lines, b"", b""]) + rest
        super().data_received(self._piece)

    def refuse(self, reason: str, status: bytes = b"") -> None:
        """Close the connection, with an HTTP status if nothing is being answered on it."""
        metrics.INVALID_REQUESTS.labels(reason).inc()
        log.warning("request_refused", reason=reason)
        if status and not self._is_answering:
            self.transport.write(b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
            self.transport.close()
        else:
            self.transport.abort()

    @property
    def _is_answering(self) -> bool:
        # Uvicorn's None before the first request.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _count(self, size: int) -> None:
        if self._in_body:
            self._waste = 0 if self._grew or self._ended else self._waste + size
        elif self._head_begun:
            self._waste = size if self._began else self._waste + size
        else:
            # Blank lines between requests are allowed, and endless ones are not.
            self._waste = 0 if self._ended else self._waste + size
        if self._waste and not self._in_body and self._timer is None:
            self._set_timer(self._head_seconds, self._on_head_late)

    def _on_head_late(self) -> None:
        self._timer = None
        if self._is_answering:
            # An answer is under way, and the next request has begun to come.
            self._set_timer(self._head_seconds, self._on_head_late)
        elif self._waste:
            self.refuse("head_slow", _TOO_SLOW)
        else:
            # Browsers open connections in advance.
            self.transport.close()

    def _set_timer(self, seconds: float, call: Any) -> None:  # noqa: ANN401 (any callable)
        self._unset_timer()
        self._timer = self.loop.call_later(seconds, call)

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
