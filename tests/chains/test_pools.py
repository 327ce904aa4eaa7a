"""Connections to a model: enough of them, and no more than are used."""

import asyncio

import httpx2
import pytest

from chains.pools import POOL, Pools, open_client, patience
from tests.fakes.openai_server import Breaks, Hangs, Held, OpenAIServer, Says

BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


async def post(client: httpx2.AsyncClient, server: OpenAIServer) -> int:
    response = await client.post(f"{server.base_url}/chat/completions", json=BODY, timeout=patience(5))
    return response.status_code


async def test_one_call_after_the_other_keeps_one_connection(server: OpenAIServer) -> None:
    async with open_client(proxy="") as client:
        for _ in range(20):
            assert 200 == await post(client, server)

    assert 1 == server.connections


async def test_many_calls_at_once_do_not_wait_for_one_another(server: OpenAIServer) -> None:
    many = 3 * POOL + 1
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
            server.script(*(Held(go, Says("now")) for _ in range(2 * POOL)))
            before = len(server.asked)
            calls = [asyncio.create_task(post(client, server)) for _ in range(2 * POOL)]
            await server.until(lambda before=before: len(server.asked) == before + 2 * POOL)  # type: ignore[misc]
            go.set()
            await asyncio.gather(*calls)

    assert 2 * POOL == server.connections


@pytest.mark.parametrize("act", [Breaks(), Hangs()], ids=["a call that breaks", "a call given up"])
async def test_a_call_that_fails_leaves_room_for_the_next(server: OpenAIServer, act: Breaks | Hangs) -> None:
    opened: list[httpx2.AsyncBaseTransport] = []

    def open_pool() -> httpx2.AsyncBaseTransport:
        opened.append(httpx2.AsyncHTTPTransport())
        return opened[-1]

    server.script(*(act for _ in range(POOL)))
    async with httpx2.AsyncClient(transport=Pools(open_pool), timeout=0.2) as client:
        for _ in range(2):
            calls = (client.post(server.base_url, json=BODY) for _ in range(POOL // 2))
            failures = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(failure, httpx2.TransportError) for failure in failures)

    assert 1 == len(opened)


async def test_what_leaves_the_machine_goes_through_the_proxy(server: OpenAIServer) -> None:
    async with open_client(proxy=server.base_url.removesuffix("/v1")) as client:
        await client.post("http://model.invalid/v1/chat/completions", json=BODY)

    assert ["http://model.invalid/v1/chat/completions"] == [asked.path for asked in server.asked]
