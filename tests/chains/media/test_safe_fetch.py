"""Fetching a picture from an address somebody else chose."""

import base64
import gzip
from collections.abc import AsyncIterator, Sequence

import pytest

from chains.media.safe_fetch import SafeFetcher
from pipeline.errors import Unreadable
from tests.fakes.openai_media import RED
from tests.fakes.openai_server import Breaks, Fails, Hangs, OpenAIServer, Raw

PUBLIC = "93.184.215.14"


class Names:
    """A resolver that knows what a test tells it, and remembers what it was asked."""

    def __init__(self, **known: str) -> None:
        self.known = {name.replace("_", "."): addresses.split() for name, addresses in known.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(f"{host}:{port}")
        if host not in self.known:
            raise OSError(host)
        return self.known[host]


@pytest.fixture
async def fetcher() -> AsyncIterator[SafeFetcher]:
    opened = SafeFetcher(resolve=Names(evil_example="10.0.0.1", mixed_example=f"{PUBLIC} 127.0.0.1"))
    yield opened
    await opened.aclose()


async def test_the_settings_own_address_may_be_anywhere(fetcher: SafeFetcher, server: OpenAIServer) -> None:
    data = await fetcher.fetch(f"{server.base_url}/files/red.png", trusted=server.base_url)

    assert RED == data


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x.png",
        "http://localhost/x.png",
        "http://LOCALHOST./x.png",
        "http://metadata.internal/x.png",
        "http://printer/x.png",
        "http://nas.local/x.png",
        "http://2130706433/x.png",
        "http://10.1.2.3/x.png",
        "http://169.254.169.254/latest",
        "http://[::1]/x.png",
        "http://[::ffff:127.0.0.1]/x.png",
        "http://[64:ff9b::7f00:1]/x.png",
        "http://[64:ff9b:1::a00:1]/x.png",
        "http://[2002:7f00:1::]/x.png",
        "http://[2001:0:7f00:1::]/x.png",
        "http://[::127.0.0.1]/x.png",
        "http://[fe80::1%25lo]/x.png",
        "http://127.0.0.1./x.png",
        "http://0177.0.0.1/x.png",
        "http://127。0。0。1/x.png",
        "http://93.184.215.14\\@127.0.0.1/x.png",
        "http://168.63.129.16/x.png",
        "http://0.0.0.0/x.png",
        "http://evil.example/x.png",
        "https://mixed.example/x.png",
        "http://nowhere.example/x.png",
        "http://user:word@93.184.215.14/x.png",
        "ftp://93.184.215.14/x.png",
        "file:///etc/passwd",
        "gopher://93.184.215.14/",
        "http:///x.png",
        "http://93.184.215.14:99999/x.png",
        "//93.184.215.14/x.png",
        "picture.png",
        "",
        "data:image/png;base64,****=",
        "data:image/svg+xml,<svg/>",
    ],
)
async def test_what_is_not_the_public_internet_is_refused(fetcher: SafeFetcher, url: str) -> None:
    with pytest.raises(Unreadable):
        await fetcher.fetch(url)


@pytest.mark.parametrize("host", ["127.1", "0x7f.0.0.1", "0177.0.0.1", "[::ffff:7f00:1]"])
async def test_no_other_spelling_of_an_inner_address_is_taken_for_a_name(host: str) -> None:
    fetcher = SafeFetcher()
    with pytest.raises(
        Unreadable, match=r"not of the public Internet|the request failed \((?:InvalidURL|ValueError)\)"
    ):
        await fetcher.fetch(f"http://{host}/x.png")
    await fetcher.aclose()


async def test_another_port_of_the_settings_own_machine_is_refused(fetcher: SafeFetcher, server: OpenAIServer) -> None:
    with pytest.raises(Unreadable, match="public"):
        await fetcher.fetch(f"{server.base_url}/files/red.png", trusted="http://127.0.0.1:1/v1")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/admin", "file:///etc/passwd", "http://evil.example/", "//[::1]/"])
async def test_a_redirect_is_looked_at_anew(fetcher: SafeFetcher, server: OpenAIServer, url: str) -> None:
    server.script(Fails(302, headers={"location": url}))

    with pytest.raises(Unreadable):
        await fetcher.fetch(f"{server.base_url}/go", trusted=server.base_url)


async def test_a_redirect_within_the_settings_own_address_is_followed(
    fetcher: SafeFetcher, server: OpenAIServer
) -> None:
    server.script(Fails(302, headers={"location": "/v1/files/red.png"}))

    assert RED == await fetcher.fetch(f"{server.base_url}/go", trusted=server.base_url)


async def test_a_circle_of_redirects_is_left(fetcher: SafeFetcher, server: OpenAIServer) -> None:
    server.script(*[Fails(302, headers={"location": "/v1/go"})] * 9)

    with pytest.raises(Unreadable, match="leads on"):
        await fetcher.fetch(f"{server.base_url}/go", trusted=server.base_url)


@pytest.mark.parametrize("act", [Fails(404), Fails(500), Breaks()], ids=str)
async def test_an_address_without_a_picture_is_said_to_be(
    fetcher: SafeFetcher, server: OpenAIServer, act: Fails
) -> None:
    server.script(act)

    with pytest.raises(Unreadable) as refused:
        await fetcher.fetch(f"{server.base_url}/x.png?sign=secret", trusted=server.base_url)

    assert "secret" not in str(refused.value)


async def test_no_more_is_read_than_a_picture_may_have(server: OpenAIServer) -> None:
    fetcher = SafeFetcher(largest=1000)
    server.script(Raw(bytes(1001), content_type="image/png"), Raw(bytes(1000), content_type="image/png"))
    try:
        with pytest.raises(Unreadable, match="more than 1000 bytes"):
            await fetcher.fetch(f"{server.base_url}/x.png", trusted=server.base_url)

        assert 1000 == len(await fetcher.fetch(f"{server.base_url}/x.png", trusted=server.base_url))
    finally:
        await fetcher.aclose()


async def test_nothing_is_unpacked(fetcher: SafeFetcher, server: OpenAIServer) -> None:
    server.script(Raw(gzip.compress(RED), content_type="image/png", headers={"content-encoding": "gzip"}))
    with pytest.raises(Unreadable, match="compressed"):
        await fetcher.fetch(f"{server.base_url}/files/red.png", trusted=server.base_url)

    assert "identity" == server.asked[0].headers["accept-encoding"]


async def test_nobody_is_waited_for_longer_than_so(server: OpenAIServer) -> None:
    fetcher = SafeFetcher(seconds=0.2)
    server.script(Hangs())
    try:
        with pytest.raises(Unreadable, match="in time"):
            await fetcher.fetch(f"{server.base_url}/x.png", trusted=server.base_url)
    finally:
        await fetcher.aclose()


async def test_the_connection_goes_to_the_address_that_was_looked_at(server: OpenAIServer) -> None:
    """The name may resolve to something else a moment later: it is not asked again."""
    names = Names(pictures_example=PUBLIC)
    # A proxy shows where a connection would go, without the Internet.
    fetcher = SafeFetcher(proxy=server.base_url.removesuffix("/v1"), resolve=names)
    server.script(Raw(RED, content_type="image/png"))
    try:
        data = await fetcher.fetch("http://pictures.example/a/b.png?sign=1")
    finally:
        await fetcher.aclose()

    assert RED == data
    assert [f"http://{PUBLIC}/a/b.png?sign=1"] == [asked.path for asked in server.asked]
    assert "pictures.example" == server.asked[0].headers["host"]
    assert ["pictures.example:80"] == names.asked


async def test_behind_a_proxy_that_resolves_names_it_is_asked_by_name(server: OpenAIServer) -> None:
    fetcher = SafeFetcher(proxy=server.base_url.removesuffix("/v1"), resolve=Names())
    server.script(Raw(RED, content_type="image/png"))
    try:
        await fetcher.fetch("http://pictures.example/a.png")
        with pytest.raises(Unreadable):
            await fetcher.fetch("http://intranet/a.png")
    finally:
        await fetcher.aclose()

    assert ["http://pictures.example/a.png"] == [asked.path for asked in server.asked]


async def test_a_picture_inside_its_address_needs_no_network(fetcher: SafeFetcher) -> None:
    assert RED == await fetcher.fetch("data:image/png;base64," + base64.b64encode(RED).decode())
