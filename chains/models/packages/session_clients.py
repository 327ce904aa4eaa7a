"""Bounds for packages that make an `aiohttp` session for each call (NVIDIA's), or ask through botocore (Amazon's)."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import aiohttp

from chains.models.openai.transport import ANSWER_BYTES, STREAM_BYTES, AnswerTooLarge

_EVENTS = "application/vnd.amazon.eventstream"


class BoundedResponse(aiohttp.ClientResponse):
    """A response that is read whole up to a bound.

    Read line by line it needs none: `aiohttp` refuses lines that are too long, and who listens stops in time.
    """

    async def read(self) -> bytes:
        """Return the body.

        Raises:
            AnswerTooLarge: It has more bytes than an answer may have, unpacked.
        """
        if self._body is None:
            body = bytearray()
            async for piece in self.content.iter_any():
                body += piece
                if len(body) > ANSWER_BYTES:
                    self.close()
                    raise AnswerTooLarge
            self._body = bytes(body)
        return self._body


def bounding_sessions(make: Callable[[], aiohttp.ClientSession]) -> Callable[[], aiohttp.ClientSession]:
    """Return what makes the same sessions, with responses that are bounded."""

    def make_bounded() -> aiohttp.ClientSession:
        session = make()
        session._response_class = BoundedResponse  # noqa: SLF001 - it can be given at its making alone, which is theirs
        return session

    return make_bounded


class AWSSession(Protocol):
    """What sends the requests of a client of botocore's."""

    def send(self, request: Any) -> Any:  # noqa: ANN401 - botocore has no types
        """Send a request and return its response, read already unless `stream_output` is set."""


class BoundedAWSSession:
    """Sends as another does, and gives bodies that are read up to a bound, by the threads that botocore runs in."""

    def __init__(self, session: AWSSession) -> None:
        self._session = session

    def send(self, request: Any) -> Any:  # noqa: ANN401 - as above
        """Send a request and return its response."""
        # It would be read within, where nothing bounds it; whoever wants it whole reads it right after.
        request.stream_output = True
        response = self._session.send(request)
        streamed = str(response.headers.get("content-type", "")).startswith(_EVENTS)
        response.raw = BoundedBody(response.raw, STREAM_BYTES if streamed else ANSWER_BYTES)
        return response

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        """Return whatever else the session has."""
        return getattr(self._session, name)


class BoundedBody:
    """A body of urllib3's of so many bytes; botocore has none unpacked."""

    def __init__(self, raw: Any, most: int) -> None:  # noqa: ANN401 - a package's own, which may not be installed
        self._raw = raw
        self._left = most

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:  # noqa: ANN401 - handed on
        """Yield the body piece by piece. Raises `AnswerTooLarge`."""
        for piece in self._raw.stream(*args, **kwargs):
            yield self._counted(piece)

    def read(self, amt: int | None = None, **kwargs: Any) -> bytes:  # noqa: ANN401 - handed on
        """Return some of the body, or all of it. Raises `AnswerTooLarge`."""
        return self._counted(self._raw.read(self._left + 1 if amt is None or amt < 0 else amt, **kwargs))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        """Return whatever else the body has."""
        return getattr(self._raw, name)

    def _counted(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            self._raw.close()
            raise AnswerTooLarge
        return piece
