"""Connections to a model: enough of them, and no more than are used."""

import asyncio
from urllib.parse import urlsplit

import httpx2
import pytest

from adapters.wecom.client.http import QyapiHttp
from chains.models.openai.transport import open_client, timeouts
from tests.fakes.openai_server import Breaks, Hangs, Held, OpenAIServer, Says

BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


async def post(client: httpx2.AsyncClient, server: OpenAIServer) -> int:
    response = await client.post(f"{server.base_url}/chat/completions", json=BODY, timeout=timeouts(5))
    return response.status_code


async def test_one_call_after_the_other_keeps_one_connection(server: OpenAIServer) -> None:
    async with open_client(proxy="") as client:
        for _ in range(20):
            assert 200 == await post(client, server)

    assert 1 == server.connections


async def test_many_calls_at_once_do_not_wait_for_one_another(server: OpenAIServer) -> None:
    many = 250
    go = asyncio.Event()
    server.script(*(Held(go, Says("now")) for _ in range(many)))

    async with open_client(proxy="") as client:
        calls = [asyncio.create_task(post(client, server)) for _ in range(many)]
        await server.until(lambda: len(server.asked) == many)
        go.set()

        assert [200] * many == await asyncio.gather(*calls)


async def test_a_second_wave_uses_the_connections_of_the_first(server: OpenAIServer) -> None:
    async with open_client(proxy="") as client:
        for _ in range(3):
            go = asyncio.Event()
            server.script(*(Held(go, Says("now")) for _ in range(64)))
            before = len(server.asked)
            calls = [asyncio.create_task(post(client, server)) for _ in range(64)]
            await server.until(lambda before=before: len(server.asked) == before + 64)  # type: ignore[misc]
            go.set()
            await asyncio.gather(*calls)

    assert 64 == server.connections


@pytest.mark.parametrize(
    ("act", "error"),
    [
        pytest.param(Breaks(), httpx2.TransportError, id="a call that breaks"),
        pytest.param(Hangs(), httpx2.ReadTimeout, id="a call given up"),
    ],
)
async def test_calls_that_fail_leave_room_for_the_next(
    server: OpenAIServer, act: Breaks | Hangs, error: type[Exception]
) -> None:
    server.script(*(act for _ in range(150)))
    async with open_client(proxy="") as client:
        url = f"{server.base_url}/chat/completions"
        patience = httpx2.Timeout(60, read=3 if isinstance(act, Hangs) else 60)
        calls = [asyncio.create_task(client.post(url, json=BODY, timeout=patience)) for _ in range(150)]
        await server.until(lambda: len(server.asked) == 150)
        failures = await asyncio.gather(*calls, return_exceptions=True)

        assert all(isinstance(failure, error) for failure in failures)
        assert 200 == await post(client, server)


async def test_an_address_nobody_listens_at_is_a_connection_that_failed() -> None:
    async with open_client(proxy="") as client:
        with pytest.raises(httpx2.ConnectError):
            await client.post("http://127.0.0.1:1/v1/chat/completions", json=BODY, timeout=timeouts(5))


async def test_what_leaves_the_machine_goes_through_the_proxy(server: OpenAIServer) -> None:
    async with open_client(proxy=server.base_url.removesuffix("/v1")) as client:
        await client.post("http://model.invalid/v1/chat/completions", json=BODY)

    assert ["http://model.invalid/v1/chat/completions"] == [asked.path for asked in server.asked]


async def test_a_proxy_without_a_port_is_reached_at_80_by_every_client() -> None:
    asked: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split()[1].decode())
        body = b'{"errcode":0}'
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    try:
        listening = await asyncio.start_server(proxy, "127.0.0.9", 80)
    except OSError:
        pytest.skip("this user may not listen on port 80")
    wire = await asyncio.to_thread(QyapiHttp, "http://wecom.invalid", proxy="http://127.0.0.9")
    fetching = httpx2.AsyncClient(proxy="http://127.0.0.9", trust_env=False, verify=False)
    async with listening, open_client(proxy="http://127.0.0.9") as client, fetching:
        await wire.call("gettoken", {})
        await client.get("http://model.invalid/v1")
        await fetching.get("http://picture.invalid/x")
    await wire.aclose()

    assert ["wecom.invalid", "model.invalid", "picture.invalid"] == [urlsplit(url).hostname for url in asked]
