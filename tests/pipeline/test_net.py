"""Which proxies can be used, and what is said of the others."""

import re

import aiohttp
import httpx2
import pytest
from yarl import URL

from pipeline.errors import SettingsInvalid
from pipeline.net import check_proxy


@pytest.mark.parametrize(
    ("proxy", "port"),
    [
        ("http://proxy", 80),
        ("https://proxy", 443),
        ("HTTP://proxy.example.com/", 80),
        ("http://proxy:3128", 3128),
        ("http://10.0.0.1:8080", 8080),
        ("http://[::1]:8080", 8080),
        ("http://[::1]", 80),
        ("http://me:p%40s%2Fs@proxy", 80),
        ("http://代理.example:1", 1),
    ],
)
async def test_a_proxy_is_reached_at_the_same_port_by_both_clients(proxy: str, port: int) -> None:
    check_proxy(proxy)
    async with aiohttp.ClientSession(proxy=proxy), httpx2.AsyncClient(proxy=proxy, trust_env=False, verify=False):
        pass

    # httpx2 leaves a port out that is its scheme's own, and its connections take that one.
    given = httpx2.Proxy(proxy).url
    assert (port, port) == (URL(proxy).port, given.port or {"http": 80, "https": 443}[given.scheme])


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        ("proxy:3128", "expected an address that starts with http"),
        ("proxy", "expected an address that starts with http"),
        ("//proxy:3128", "expected an address that starts with http"),
        ("ftp://proxy", "expected an address that starts with http"),
        ("socks5://proxy:1080", "SOCKS proxies are not supported"),
        ("socks5h://me:secret99@proxy", "SOCKS proxies are not supported"),
        ("http://", "its host is no name"),
        ("http://:3128", "its host is no name"),
        ("http://proxy:0", "its port no number"),
        ("http://proxy:99999", "its port no number"),
        ("http://proxy:port", "its port no number"),
        ("http://[::1", "its host is no name"),
        ("http://pro xy:1", "its host is no name"),
        ("http://proxy:3128/path", "with nothing behind the port"),
        ("http://proxy:3128?x=1", "with nothing behind the port"),
        ("http://me:secret99/x@proxy:3128", "its port no number"),
        ("http://me:secret 99@proxy:3128", "with nothing behind the port"),
    ],
)
def test_an_odd_proxy_is_refused_with_what_is_wrong_and_without_its_password(proxy: str, expected: str) -> None:
    with pytest.raises(SettingsInvalid, match=re.escape("[network] proxy: expected an address")) as refused:
        check_proxy(proxy)

    assert expected in str(refused.value)
    assert "secret" not in str(refused.value)


def test_no_proxy_is_none() -> None:
    check_proxy("")
