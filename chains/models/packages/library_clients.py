"""Bounds for the HTTP clients that other providers' packages make for themselves: as many bytes as our own transport.

No package says where its client is, and each keeps it elsewhere; so it is looked for in what the model holds. Google's
package asks over gRPC, or makes what it asks with at the first call: its answers are bounded in time alone.
"""

import sys
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from chains.models.openai.transport import ANSWER_BYTES, STREAM_BYTES, AnswerTooLarge
from chains.models.packages.session_clients import BoundedAWSSession, bounding_sessions

if TYPE_CHECKING:
    import httpx

_DEPTH = 7
_SESSIONS = "get_async_session_fn"
"""Where NVIDIA's package keeps what makes a session for each call."""
_STREAM = "text/event-stream"
_LINES = "ndjson"


def bound_clients(model: object) -> int:
    """Bound the answers that the clients of a model take, and return how many clients were found."""
    return sum(map(_bound_client, _held_by(model, set(), _DEPTH)))


def _held_by(held: object, seen: set[int], depth: int) -> Iterator[object]:
    """Yield an object and what it holds."""
    if id(held) in seen or depth < 0:
        return
    seen.add(id(held))
    yield held
    # Pydantic keeps what is private beside the rest.
    for held_by in (getattr(held, "__dict__", None), getattr(held, "__pydantic_private__", None)):
        for each in list(held_by.values()) if isinstance(held_by, dict) else ():
            yield from _held_by(each, seen, depth - 1)


def _bound_client(held: Any) -> bool:  # noqa: ANN401 - whatever a package keeps
    """Bound the answers of a client, and return whether it is one of those we know."""
    if _is_of(held, "httpx", "AsyncClient"):
        # Of what is packed nobody knows how much it becomes.
        held.headers["accept-encoding"] = "identity"
        hooks = held.event_hooks
        held.event_hooks = {**hooks, "response": [*hooks["response"], _bound]}
        return True
    if _is_of(held, "botocore.endpoint", "Endpoint"):
        held.http_session = BoundedAWSSession(held.http_session)
        return True
    if callable(make := vars(held).get(_SESSIONS) if hasattr(held, "__dict__") else None):
        setattr(held, _SESSIONS, bounding_sessions(make))
        return True
    return False


def _is_of(held: object, module: str, kind: str) -> bool:
    """Whether an object is of a class of a module that may not be loaded."""
    library = sys.modules.get(module)
    return library is not None and isinstance(held, getattr(library, kind))


async def _bound(response: "httpx.Response") -> None:
    if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        await response.aclose()
        raise AnswerTooLarge("an answer compressed although it was asked not to be")
    response.stream = _bounded_type()(response)


def _bounded_type() -> Any:  # noqa: ANN401 - a class that is made of another's, which may not be installed
    import httpx  # noqa: PLC0415 - the packages' own

    class BoundedStream(httpx.AsyncByteStream):
        """A body of so many bytes, and as a stream of so many a line."""

        def __init__(self, response: httpx.Response) -> None:
            kind = response.headers.get("content-type", "")
            self._stream = response.stream
            self._streamed = kind.startswith(_STREAM) or _LINES in kind
            self._left = STREAM_BYTES if self._streamed else ANSWER_BYTES
            self._line = 0

        async def __aiter__(self) -> AsyncIterator[bytes]:
            assert isinstance(self._stream, httpx.AsyncByteStream)  # noqa: S101 - an asynchronous client's
            async for piece in self._stream:
                self._left -= len(piece)
                end = piece.rfind(b"\n")
                self._line = self._line + len(piece) if end < 0 else len(piece) - end - 1
                if self._left < 0 or (self._streamed and self._line > ANSWER_BYTES):
                    raise AnswerTooLarge
                yield piece

        async def aclose(self) -> None:
            assert isinstance(self._stream, httpx.AsyncByteStream)  # noqa: S101 - as above
            await self._stream.aclose()

    return BoundedStream
