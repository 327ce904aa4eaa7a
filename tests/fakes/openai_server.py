"""An OpenAI-compatible server on a real socket that says what a test scripted, and remembers what it was asked.

In a test: `async with OpenAIServer() as server: server.script(Says("hello"))`. For a benchmark, in a process of
its own: `python -m tests.fakes.openai_server --port 9000 --delay 2`, which prints its address once it listens.
"""

import argparse
import asyncio
import json
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from tests.fakes.openai_media import media_answer, read_body

GIVE_UP = 30.0
"""Seconds after which a wait in a test is given up."""

KEY = "sk-test-0123456789abcdef"
"""The key that `OpenAIServer.environ` gives a service."""

NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Says:
    """The model answers; streamed, its text comes in pieces of `pieces` characters."""

    text: str | None
    reasoning: str = ""
    model: str | None = None
    finish: str = "stop"
    usage: tuple[int, int] | None = (11, 7)
    cached: int = 0
    """How many of the tokens it is given it has kept from an earlier call."""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    refusal: str | None = None
    choices: int = 1
    pieces: int = 4
    breaks_after: int | None = None
    """Close the connection after so many streamed events."""
    hangs_after: int | None = None
    """Say nothing more after so many streamed events."""


@dataclass(frozen=True, slots=True)
class Fails:
    """The server refuses, with OpenAI's error object."""

    status: int
    code: str | None = None
    message: str = "that did not work"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that are nobody's protocol."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hangs:
    """No answer ever comes."""


@dataclass(frozen=True, slots=True)
class Breaks:
    """The connection is closed instead of an answer."""


@dataclass(frozen=True, slots=True)
class Slow:
    """An answer that comes `seconds` later."""

    seconds: float
    then: "Act"


@dataclass(frozen=True, slots=True)
class Held:
    """An answer that comes once the test says so."""

    until: asyncio.Event
    then: "Act"


Act = Says | Fails | Raw | Hangs | Breaks | Slow | Held


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    raw: bytes = b""


def echo(body: Mapping[str, Any]) -> Says:
    """Answer with the last message, so that a test sees which question an answer belongs to."""
    last = body["messages"][-1]["content"]
    return Says(f"echo: {last if isinstance(last, str) else json.dumps(last)}")


class OpenAIServer:
    """The server; what no script says, `otherwise` does."""

    def __init__(
        self,
        *,
        port: int = 0,
        delay: float = 0.0,
        otherwise: Callable[[Mapping[str, Any]], Act] = echo,
        remembers: bool = True,
    ) -> None:
        self.asked: list[Asked] = []
        self.hung_up = 0
        """How many callers went away before they had their answer."""
        self.connections = 0
        """How many connections were ever made."""
        self.most_open = 0
        """How many connections were open at the busiest moment."""
        self._port = port
        self._delay = delay
        self._otherwise = otherwise
        self._remembers = remembers
        self._script: deque[Act] = deque()
        self._open: set[_Connection] = set()
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._server: asyncio.Server | None = None

    @property
    def open(self) -> int:
        """Give how many connections are open now."""
        return len(self._open)

    @property
    def base_url(self) -> str:
        """Give what a model's settings name as base_url."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """Give every request's JSON, oldest first."""
        return [asked.body for asked in self.asked]

    def environ(self, model: str = "test-model", **keys: str) -> dict[str, str]:
        """Return the settings under which this is the default model; `keys` are more of its table, by their names."""
        table = {"base_url": self.base_url, "api_key": KEY, "model": model, "max_retries": "0"} | keys
        return {f"WEBOT_MODELS__DEFAULT__{key.upper()}": value for key, value in table.items()}

    def script(self, *acts: Act) -> None:
        """Say what the next calls get, one act each."""
        self._script.extend(acts)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something is true of the server, looked at whenever a request comes or a caller goes."""
        if holds():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((holds, future))
        await asyncio.wait_for(future, GIVE_UP)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(partial(_Connection, self), "127.0.0.1", self._port, backlog=2048)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            for connection in tuple(self._open):
                connection.drop()
            await self._server.wait_closed()

    def opened(self, connection: "_Connection") -> None:
        """Count a caller in."""
        self._open.add(connection)
        self.connections += 1
        self.most_open = max(self.most_open, len(self._open))

    def closed(self, connection: "_Connection", *, unanswered: bool) -> None:
        """Count a caller out."""
        self._open.discard(connection)
        self.hung_up += unanswered
        self._tell()

    def act_for(self, asked: Asked) -> Act:
        """Choose what a request gets."""
        if self._remembers:
            self.asked.append(asked)
            self._tell()
        act = self._script.popleft() if self._script else self._by_itself(asked)
        return Slow(self._delay, act) if self._delay else act

    def _by_itself(self, asked: Asked) -> Act:
        media = media_answer(asked.path)
        return self._otherwise(asked.body) if media is None else Raw(media[0], content_type=media[1])

    def _tell(self) -> None:
        for waiting in tuple(self._waiting):
            holds, future = waiting
            if holds():
                self._waiting.remove(waiting)
                if not future.done():
                    future.set_result(None)


class _Connection(asyncio.Protocol):
    """One caller's connection: HTTP/1.1 with a content-length, one request after the other."""

    def __init__(self, server: OpenAIServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._later: asyncio.TimerHandle | asyncio.Task[None] | None = None
        self._owes = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.opened(self)

    def connection_lost(self, _: Exception | None) -> None:
        if self._later is not None:
            self._later.cancel()
        self._transport = None
        self._server.closed(self, unanswered=self._owes)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        request, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self._received = rest[length:]
        self._owes = True
        body = read_body(headers.get("content-type", ""), rest[:length])
        asked = Asked(path=request.split(" ")[1], headers=headers, body=body, raw=rest[:length])
        self._do(self._server.act_for(asked), asked)

    def drop(self) -> None:
        """Close from this side."""
        self._owes = False
        if self._transport is not None:
            self._transport.abort()

    def _do(self, act: Act, asked: Asked) -> None:
        match act:
            case Says() if asked.body.get("stream"):
                self._stream(act, asked.body)
            case Says():
                self._write(200, _completion(act, asked.body))
            case Fails(status, code, message, headers):
                error = {"error": {"message": message, "type": "an_error", "param": None, "code": code}}
                self._write(status, json.dumps(error).encode(), headers=headers)
            case Raw(body, status, content_type, headers):
                self._write(status, body, content_type=content_type, headers=headers)
            case Slow(seconds, then):
                self._later = asyncio.get_running_loop().call_later(seconds, self._do, then, asked)
            case Held(until, then):
                self._later = asyncio.ensure_future(self._do_after(until, then, asked))
            case Breaks():
                self.drop()
            case Hangs():
                pass

    async def _do_after(self, until: asyncio.Event, act: Act, asked: Asked) -> None:
        await until.wait()
        self._do(act, asked)

    def _write(
        self,
        status: int,
        body: bytes,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} -\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
        self._send(head.encode() + body)
        self._owes = False

    def _stream(self, says: Says, body: Mapping[str, Any]) -> None:
        self._send(b"HTTP/1.1 200 -\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for place, event in enumerate(_events(says, body)):
            if place == says.breaks_after:
                self.drop()
                return
            if place == says.hangs_after:
                return
            line = b"data: " + json.dumps(event).encode() + b"\n\n"
            self._send(b"%x\r\n%b\r\n" % (len(line), line))
        self._send(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        self._owes = False

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def _usage(says: Says) -> dict[str, Any] | None:
    if says.usage is None:
        return None
    prompt, completion = says.usage
    details = {"prompt_tokens_details": {"cached_tokens": says.cached}} if says.cached else {}
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **details}


def _completion(says: Says, body: Mapping[str, Any]) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": says.text}
    if says.reasoning:
        message["reasoning_content"] = says.reasoning
    if says.refusal is not None:
        message["refusal"] = says.refusal
    if says.tool_calls:
        message["tool_calls"] = says.tool_calls
    choice = {"index": 0, "message": message, "finish_reason": says.finish}
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": says.model or body["model"],
        "choices": [choice] * says.choices,
        "usage": _usage(says),
    }
    return json.dumps(answer).encode()


def _events(says: Says, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a streamed answer consists of: pieces, the end, and the tokens if they were asked for."""
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": says.model or body["model"]}

    def choices(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}] * says.choices}

    yield choices({"role": "assistant", "content": ""})
    for piece in _pieces(says.reasoning, says.pieces):
        yield choices({"reasoning_content": piece})
    for piece in _pieces(says.text or "", says.pieces):
        yield choices({"content": piece})
    for place, call in enumerate(says.tool_calls):
        yield choices({"tool_calls": [{"index": place, **call}]})
    if says.refusal is not None:
        yield choices({"refusal": says.refusal})
    yield choices({}, says.finish)
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**frame, "choices": [], "usage": _usage(says)}


def _pieces(text: str, length: int) -> Iterator[str]:
    return (text[start : start + length] for start in range(0, len(text), length))


async def _serve(port: int, delay: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with OpenAIServer(port=port, delay=delay, remembers=False) as server:
        print(server.base_url, flush=True)  # noqa: T201 - the parent reads the address from here
        await stop.wait()


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    options = parser.parse_args()
    asyncio.run(_serve(options.port, options.delay))


if __name__ == "__main__":
    main()
