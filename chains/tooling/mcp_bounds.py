"""What an MCP server may send: so many bytes and values in one message. Imports an extra."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

LARGEST = 4 * 2**20
"""Bytes of one message: a program's line, a stream's event, or an answer; a tool's words are cut to far fewer."""

MOST_NESTED = 20_000
"""Lists and objects of one message: its library reads 300,000 of them in a second, and the event loop waits."""

MOST_VALUES = 100_000
"""Values of one message, by the commas between them."""

_STREAM = "text/event-stream"
_EVENT_END = re.compile(rb"\n\r?\n|\r\r")
_ESCAPED = re.compile(rb"\\.", re.DOTALL)


class TooMuch(httpx.TransportError):
    """The server sent more than it may."""


class MessageSize:
    """The bytes and values of one message in JSON, which comes in pieces."""

    def __init__(self) -> None:
        self._bytes = self._nested = self._values = 0
        self._in_string = self._escapes = False

    def add(self, piece: bytes) -> None:
        """Count a piece, of 64 KB or so. Raises `TooMuch` at the first that is beyond what a message may have."""
        self._bytes += len(piece)
        # What stands in strings costs next to nothing, however many signs it has.
        unescaped = _ESCAPED.sub(b"", b"\\" + piece if self._escapes else piece)
        self._escapes = unescaped.endswith(b"\\")
        first, *others = unescaped.split(b'"')
        between = b" ".join([b"" if self._in_string else first, *others[0 if self._in_string else 1 :: 2]])
        self._in_string ^= len(others) % 2 == 1
        self._nested += between.count(b"[") + between.count(b"{")
        self._values += between.count(b",")
        if self._bytes > LARGEST:
            raise TooMuch("more bytes than a message may have")
        if self._nested > MOST_NESTED or self._values > MOST_VALUES:
            raise TooMuch("more values than a message may have")


def bounding(give_up: Callable[[], None]) -> Callable[[httpx.Response], Awaitable[None]]:
    """Return a hook for the head of each response, which bounds its body; `give_up` is called for one beyond it.

    The library would wait for the answer that was lost. A body that is packed is beyond it as well: of that nobody
    knows how much it becomes.
    """

    async def bound(response: httpx.Response) -> None:
        if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            give_up()
            raise TooMuch("packed, which it was not asked to be")
        if isinstance(response.stream, httpx.AsyncByteStream):
            streamed = response.headers.get("content-type", "").startswith(_STREAM)
            response.stream = _Bounded(response.stream, give_up, streamed=streamed)

    return bound


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, give_up: Callable[[], None], *, streamed: bool) -> None:
        self._stream = stream
        self._give_up = give_up
        self._streamed = streamed
        self._size = MessageSize()
        self._tail = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            try:
                self._count(piece)
            except TooMuch:
                self._give_up()
                raise
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()

    def _count(self, piece: bytes) -> None:
        """Count a piece for the message it belongs to; of a stream, one ends at a blank line and not sooner."""
        begins = 0
        if self._streamed:
            tail, self._tail = self._tail, piece[-2:]
            for end in _EVENT_END.finditer(tail + piece):
                begins = end.end() - len(tail)
        self._size.add(piece[:begins])
        if begins > 0:
            self._size = MessageSize()
        self._size.add(piece[max(begins, 0) :])
