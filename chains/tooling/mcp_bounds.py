"""What an MCP server at an address may send: so many bytes in one event or answer. Imports an extra."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

LARGEST = 4 * 2**20
"""Bytes of one event of a stream, or of an answer that is none; a tool's words are cut to far fewer."""

_STREAM = "text/event-stream"


class TooMuch(httpx.TransportError):
    """The server sent more than it may."""


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
        self._so_far = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            end = piece.rfind(b"\n") if self._streamed else -1
            self._so_far = self._so_far + len(piece) if end < 0 else len(piece) - end - 1
            if self._so_far > LARGEST:
                self._give_up()
                raise TooMuch("more bytes than an answer may have")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
