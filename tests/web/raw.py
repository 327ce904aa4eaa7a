"""Requests as they stand on the wire, for what no well-behaved client sends."""

import asyncio
from dataclasses import dataclass

import httpx2


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """The status of an answer, its heads in lower case, and its body."""

    status: int
    heads: dict[str, str]
    body: bytes


async def send_raw(to: httpx2.AsyncClient, *lines: str, body: bytes = b"") -> RawAnswer:
    """Send a request line and heads, as they are, to where a client's requests go; the connection is closed after."""
    assert to.base_url.port is not None
    reader, writer = await asyncio.open_connection(to.base_url.host, to.base_url.port)
    try:
        heads = [*lines, f"Content-Length: {len(body)}", "Connection: close", "", ""]
        writer.write("\r\n".join(heads).encode() + body)
        async with asyncio.timeout(30):
            said = await reader.read()
    finally:
        writer.close()
    head, _, rest = said.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    named = (field.partition(":") for field in fields)
    return RawAnswer(int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in named}, rest)
