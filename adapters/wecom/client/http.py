"""HTTP to qyapi: requests out, answers in, and no token or secret into a log.

By aiohttp, which takes a third of the CPU that httpx2 does for a call (0.2 beside 0.6 ms measured): sending is half of
what an answer costs when the model is quick.

Errors of the network become `TryAgain`; WeCom's own refusals are left in the `ApiResponse`.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import aiohttp
import httpx2
import structlog
from yarl import URL

from adapters.wecom.client.errors import error_for, without_secrets
from pipeline.errors import TryAgain, Undeliverable
from pipeline.net import cause_sentence, check_proxy
from pipeline.text.i18n import Sentence

log = structlog.get_logger()

_CONNECT_SECONDS = 5
_CALL = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=30)
_FILE = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=60)
_CONNECTIONS = 100
_IDLE_SECONDS = 30
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_JSON = {"content-type": "application/json; charset=utf-8"}
_FILE_NAME = re.compile(r"""filename="?([^";]+)""", re.IGNORECASE)
_ANSWER_BYTES = 4 * 1024 * 1024
_WHOLE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class UploadFile:
    """A file to upload."""

    name: str
    data: bytes = field(repr=False)
    mime: str


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """What WeCom said to a call; `data` and `name` are a downloaded file's."""

    path: str
    errcode: int
    errmsg: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    data: bytes = field(default=b"", repr=False)
    name: str = ""

    @classmethod
    def of(cls, path: str, content: bytes) -> Self:
        """Read a JSON answer; what is none raises `TryAgain`."""
        try:
            fields = json.loads(content)
            errcode = int(str(fields.get("errcode", 0)))
        except (ValueError, AttributeError, RecursionError):
            raise TryAgain(Sentence("wecom.no_json", path=path), after=2) from None
        return cls(path, errcode, str(fields.get("errmsg", "")), fields)

    def check(self) -> None:
        """Log and raise what a refusal means."""
        if self.errcode == 0:
            return
        error = error_for(self.errcode, self.errmsg)
        words = without_secrets(self.errmsg)
        log.warning("wecom_refused", api=self.path, errcode=self.errcode, errmsg=words, alert=error.alert)
        raise error


class QyapiHttp:
    """Connections to one qyapi, real or pretended; `patience` is how many seconds an exchange may take as a whole.

    Raises `SettingsInvalid` for a proxy it cannot use.
    """

    def __init__(self, base: str, *, proxy: str = "", patience: float = _WHOLE_SECONDS) -> None:
        self.base = base.rstrip("/")
        self._patience = patience
        check_proxy(proxy)
        leaves = urlsplit(self.base).hostname not in _LOCAL_HOSTS
        self._proxy = proxy if proxy and leaves else None
        # Certificates may come from SSL_CERT_FILE, for companies with their own; proxies from settings alone.
        self._trusted = httpx2.create_ssl_context()
        self._opened: aiohttp.ClientSession | None = None

    async def call(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        body: Mapping[str, Any] | None = None,
        file: UploadFile | None = None,
    ) -> ApiResponse:
        """Post a body or a file, or get; returns WeCom's answer, refusals included."""
        if file is not None:
            # Written by httpx2, whose names are the plain UTF-8 that WeCom wants (wecom-protocol.md 5).
            form = httpx2.Request("POST", self.base, files={"media": (file.name, file.data, file.mime)})
            kind, written = {"content-type": form.headers["content-type"]}, BytesIO(form.read())
            _, content = await self._exchange("POST", path, query, _ANSWER_BYTES, _FILE, data=written, headers=kind)
        elif body is not None:
            # Escapes like \u4f60 are refused with 40033, and half a surrogate pair has no UTF-8.
            said = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            _, content = await self._exchange("POST", path, query, _ANSWER_BYTES, _CALL, data=said, headers=_JSON)
        else:
            _, content = await self._exchange("GET", path, query, _ANSWER_BYTES, _CALL)
        return ApiResponse.of(path, content)

    async def download(self, path: str, query: Mapping[str, str], limit: int) -> ApiResponse:
        """Download a file. Raises WeCom's refusal, and `Undeliverable` beyond `limit` bytes."""
        disposition, data = await self._exchange("GET", path, query, limit, _FILE)
        # An error comes as JSON where the file would be, and without a name.
        if not disposition and data.lstrip()[:1] == b"{":
            return ApiResponse.of(path, data)
        name = _FILE_NAME.search(disposition)
        return ApiResponse(path, 0, data=data, name=name[1] if name else "")

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._opened = self._opened, None
        if session is not None:
            await session.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        # A session belongs to the loop that runs when it is made.
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._trusted, limit=_CONNECTIONS, keepalive_timeout=_IDLE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Of what is packed nobody knows how much it becomes.
                headers={"Accept-Encoding": "identity"},
                auto_decompress=False,
                proxy=self._proxy,
            )
        return self._opened

    async def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        limit: int,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- the library's own, for each step of an exchange
        **what: Any,  # noqa: ANN401
    ) -> tuple[str, bytes]:
        url = URL(f"{self.base}/cgi-bin/{path}?{urlencode(query)}", encoded=True)
        try:
            # The client's own time-outs begin anew with every byte; somebody may send one a second.
            async with (
                asyncio.timeout(self._patience),
                self._session.request(method, url, timeout=timeout, allow_redirects=False, **what) as response,
            ):
                _check_status(path, response.status)
                _check_encoding(path, response)
                return response.headers.get("content-disposition", ""), await _read(path, response, limit)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            said = without_secrets(str(error))
            log.info("wecom_not_reached", api=path, error=type(error).__name__, said=said)
            raise TryAgain(Sentence("wecom.of_call", path=path, said=cause_sentence(error))) from error


def _check_status(path: str, status: int) -> None:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise TryAgain(Sentence("wecom.status", path=path, status=status), after=60)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TryAgain(Sentence("wecom.status", path=path, status=status), after=2)
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        # WeCom itself says 200 to everything: this is a proxy's answer, or another server's.
        raise TryAgain(Sentence("wecom.foreign_status", path=path, status=status), after=30, alert=True)


def _check_encoding(path: str, response: aiohttp.ClientResponse) -> None:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        response.close()
        raise TryAgain(Sentence("wecom.packed", path=path, encoding=encoding[:20]), after=30, alert=True)


async def _read(path: str, response: aiohttp.ClientResponse, limit: int) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > limit:
            # What comes after is not waited for.
            response.close()
            raise Undeliverable(Sentence("wecom.too_many_bytes", path=path, limit=limit))
    return bytes(data)
