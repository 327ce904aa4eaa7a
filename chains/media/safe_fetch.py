"""Fetches a picture from an address somebody else chose: only from the public Internet, only so much, only so long.

A provider may answer with an address of its picture. Whoever gets it to answer with one of ours would have webot
look into the company's own network, so every host is resolved first, every address it has must be public, the
connection goes to the very address that was looked at, and each redirect is looked at anew.
"""

import asyncio
import base64
import binascii
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx2

from chains.media.public_addresses import is_public
from pipeline.errors import Unreadable
from pipeline.net import cause_sentence, is_loopback_url
from pipeline.text.i18n import Sentence

LARGEST = 32 * 1024 * 1024
"""Bytes a fetched picture may have; it is scaled for its channel afterwards."""

_SECONDS = 60.0
_HOPS = 5
_PORTS = {"http": 80, "https": 443}
_HEADERS = {"accept-encoding": "identity"}
_LOCAL_NAMES = ("localhost", "local", "internal", "lan", "home.arpa")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return every address a name has; `OSError` if it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class SafeFetcher:
    """Fetches pictures; through a proxy, if there is one, which then resolves what this machine cannot."""

    def __init__(
        self, *, proxy: str = "", resolve: Resolve = resolve, largest: int = LARGEST, seconds: float = _SECONDS
    ) -> None:
        self._proxy = proxy
        self._resolve = resolve
        self._largest = largest
        self._seconds = seconds
        self._client: httpx2.AsyncClient | None = None
        self._direct: httpx2.AsyncClient | None = None

    async def fetch(self, url: str, *, trusted: str = "") -> bytes:
        """Return what an address holds; `trusted` is an address of the settings, whose host may be anywhere.

        Raises `Unreadable` for what may not be fetched or cannot be.
        """
        if url.startswith("data:"):
            return await asyncio.to_thread(self._inline, url)
        try:
            async with asyncio.timeout(self._seconds):
                for _ in range(_HOPS):
                    answer = await self._get(url, trusted)
                    if isinstance(answer, bytes):
                        return answer
                    url = answer
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, ValueError) as error:
            # The address itself may be a key to the picture: it is not told on.
            raise Unreadable(Sentence("reason.address_broke", said=cause_sentence(error))) from error
        raise Unreadable(Sentence("reason.address_hops", most=_HOPS))

    async def aclose(self) -> None:
        """Close the connections."""
        clients, self._client, self._direct = (self._client, self._direct), None, None
        for client in clients:
            if client is not None:
                await client.aclose()

    async def _get(self, url: str, trusted: str) -> bytes | str:
        """Return what an address holds, or the address it leads on to."""
        client, request = await self._request(urlsplit(url), trusted)
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            if response.has_redirect_location:
                return urljoin(url, response.headers["location"])
            if response.status_code != HTTPStatus.OK:
                raise Unreadable(Sentence("reason.address_status", status=response.status_code))
            return await self._read(response)
        finally:
            await response.aclose()

    async def _read(self, response: httpx2.Response) -> bytes:
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            # It is not unpacked: a few bytes could become many.
            raise Unreadable(Sentence("reason.address_packed"))
        data = bytearray()
        async for piece in response.aiter_raw():
            data += piece
            if len(data) > self._largest:
                raise Unreadable(Sentence("reason.address_large", most=self._largest))
        return bytes(data)

    async def _request(self, url: SplitResult, trusted: str) -> tuple[httpx2.AsyncClient, httpx2.Request]:
        if url.scheme not in _PORTS or not url.hostname or url.username or url.password:
            raise Unreadable(Sentence("reason.address_plain"))
        whole = httpx2.URL(url.geturl())
        if trusted and _origin(url) == _origin(urlsplit(trusted)):
            client = await (self._opened_direct() if is_loopback_url(trusted) else self._opened())
            return client, client.build_request("GET", whole, headers=_HEADERS)
        client = await self._opened()
        address = await self._public(url.hostname, url.port or _PORTS[url.scheme])
        return client, client.build_request(
            "GET",
            whole.copy_with(host=address or whole.host),
            headers={**_HEADERS, "host": whole.netloc.decode("ascii")},
            extensions={"sni_hostname": whole.host},
        )

    async def _public(self, host: str, port: int) -> str:
        """Return the address to connect to; empty where the proxy is to resolve the name."""
        if _is_local_name(host):
            raise Unreadable(Sentence("reason.address_inner"))
        try:
            addresses = [host] if _is_literal(host) else await self._resolve(host, port)
        except OSError:
            if self._proxy:
                return ""
            raise
        if not addresses or not all(is_public(address) for address in addresses):
            raise Unreadable(Sentence("reason.address_private"))
        return addresses[0]

    async def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            # Reads the certificates, which is not for the event loop.
            self._client = await asyncio.to_thread(_open, self._proxy)
        return self._client

    async def _opened_direct(self) -> httpx2.AsyncClient:
        if self._direct is None:
            self._direct = await asyncio.to_thread(_open, "")
        return self._direct

    def _inline(self, url: str) -> bytes:
        head, _, body = url.partition(",")
        if not head.endswith(";base64") or len(body) > self._largest * 4 // 3 + 4:
            raise Unreadable(Sentence("reason.inline_kind"))
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Unreadable(Sentence("reason.inline_base64")) from error


def _open(proxy: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(verify=httpx2.create_ssl_context(), proxy=proxy or None, trust_env=False)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_local_name(host: str) -> bool:
    name = host.rstrip(".").lower()
    if _is_literal(name):
        return False
    return "." not in name or any(name == local or name.endswith(f".{local}") for local in _LOCAL_NAMES)


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)
