"""Behind a proxy the bot's socket and the files that people send it go by the proxy, and nothing goes beside it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.aibot.bot_media import download
from adapters.aibot.connection import BotConnection, ConnectionTiming
from adapters.simulator.bots.bot_files import FILE_KEY
from pipeline.errors import TryAgain
from tests.service import until


class RefusingProxy:
    """A proxy that opens no tunnel and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        """The line of each request, and whether it named the proxy's user."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append((head.partition("\r\n")[0], "proxy-authorization: basic" in head.lower()))
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[tuple[RefusingProxy, str]]:
    refusing = RefusingProxy()
    async with await asyncio.start_server(refusing.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield refusing, f"http://me:opensesame@127.0.0.1:{port}"


async def test_the_socket_goes_by_the_proxy_and_its_password_stays_out_of_the_reason(
    proxy: tuple[RefusingProxy, str],
) -> None:
    refusing, address = proxy
    connection = BotConnection(
        "bot",
        "wss://bots.example.test",
        bot_id="b",
        secret="s",
        on_callback=lambda _: None,
        proxy=address,
        timing=ConnectionTiming(ack=0.0, first_pause=60.0),
    )
    running = asyncio.create_task(connection.run())
    await until(lambda: refusing.asked and connection.trouble)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert [("CONNECT bots.example.test:443 HTTP/1.1", True)] == refusing.asked
    assert "opensesame" not in connection.trouble


async def test_a_file_goes_by_the_proxy_and_its_address_stays_out_of_the_error(
    proxy: tuple[RefusingProxy, str],
) -> None:
    refusing, address = proxy
    with pytest.raises(TryAgain) as error:
        await download("https://files.example.test/a?sign=S3CRET", FILE_KEY, proxy=address)

    assert [("CONNECT files.example.test:443 HTTP/1.1", True)] == refusing.asked
    assert "S3CRET" not in str(error.value)
    assert "opensesame" not in str(error.value)
