"""A model that writes at a pace and remembers when it wrote each piece; whole where no stream is asked for."""

import asyncio
import json
import time
from contextlib import suppress
from typing import Any, Self

_HEAD = b"HTTP/1.1 200 -\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class PacedModel:
    """Says `pieces` numbered words, the first after `delay` seconds and each next after `pause`."""

    def __init__(self, *, pieces: int, delay: float = 0.0, pause: float = 0.0) -> None:
        self.pieces = pieces
        self.delay = delay
        self.pause = pause
        self.written: dict[str, list[float]] = {}
        """By the question's last word, the moment of each piece, by the clock that counts from no certain point."""
        self._server: asyncio.Server | None = None
        self.base_url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20, backlog=2048)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.partition("content-length:")[2].partition("\r\n")[0])
                await self._answer(writer, json.loads(await reader.readexactly(length)))
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        asked = str(body["messages"][-1]["content"]).split()[-1]
        frame = {"id": "c", "object": "chat.completion", "created": 1, "model": body["model"]}
        usage = {"prompt_tokens": 10, "completion_tokens": self.pieces, "total_tokens": 10 + self.pieces}
        await asyncio.sleep(self.delay)
        if not body.get("stream"):
            message = {"role": "assistant", "content": "".join(map(piece, range(self.pieces)))}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            data = json.dumps({**frame, "choices": [choice], "usage": usage}).encode()
            writer.write(b"HTTP/1.1 200 -\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data))
            writer.write(data)
            return
        frame["object"] = "chat.completion.chunk"
        moments = self.written[asked] = []
        writer.write(_HEAD)
        for number in range(self.pieces):
            moments.append(time.monotonic())
            _write(writer, {**frame, "choices": [_choice({"content": piece(number)}, None)]})
            if self.pause:
                await asyncio.sleep(self.pause)
        _write(writer, {**frame, "choices": [_choice({}, "stop")]})
        if (body.get("stream_options") or {}).get("include_usage"):
            _write(writer, {**frame, "choices": [], "usage": usage})
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()


def piece(number: int) -> str:
    """Return a piece, which says its number."""
    return f"w{number} " if (number + 1) % 12 else f"w{number}\n"


def _choice(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _write(writer: asyncio.StreamWriter, event: dict[str, Any]) -> None:
    line = b"data: " + json.dumps(event).encode() + b"\n\n"
    writer.write(b"%x\r\n%b\r\n" % (len(line), line))
