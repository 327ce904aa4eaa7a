"""HTTP to qyapi: requests out, answers in, and no token or secret into a log.

Errors of the network become `TryAgain`; WeCom's own refusals are left in the `Answer`.
"""

import asyncio
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlencode

import httpx2
import structlog

from adapters.wecom.errors import error_for, without_secrets
from pipeline.errors import SettingsInvalid, TryAgain, Undeliverable

log = structlog.get_logger()

_CONNECT_SECONDS = 5
_CALL_SECONDS = 30
_FILE_SECONDS = 60
_CONNECTIONS = 100
# httpx2 looks at every idle connection twice a request: a hundred of them cost more than the request itself.
_IDLE_CONNECTIONS = 16
_IDLE_SECONDS = 30
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_JSON = {"content-type": "application/json; charset=utf-8"}
_FILE_NAME = re.compile(r"""filename="?([^";]+)""", re.IGNORECASE)
_ANSWER_BYTES = 4 * 1024 * 1024
_WHOLE_SECONDS = 120


class _WithoutQuery(logging.Filter):
    """httpx2 logs each request's address; ours carry the secret and the token in the query."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                argument.copy_with(query=None) if isinstance(argument, httpx2.URL) else argument
                for argument in record.args
            )
        return True


logging.getLogger("httpx2").addFilter(_WithoutQuery())


@dataclass(frozen=True, slots=True)
class File:
    """A file to upload."""

    name: str
    data: bytes = field(repr=False)
    mime: str


@dataclass(frozen=True, slots=True)
class Answer:
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
            raise TryAgain(f"{path}: WeCom's answer is not the JSON it should be", after=2) from None
        return cls(path, errcode, str(fields.get("errmsg", "")), fields)

    def check(self) -> None:
        """Log and raise what a refusal means."""
        if self.errcode == 0:
            return
        error = error_for(self.errcode, self.errmsg)
        words = without_secrets(self.errmsg)
        log.warning("wecom_refused", api=self.path, errcode=self.errcode, errmsg=words, alert=error.alert)
        raise error


class Wire:
    """Connections to one qyapi, real or pretended; `patience` is how many seconds an exchange may take as a whole.

    Raises `SettingsInvalid` for a proxy it cannot use.
    """

    def __init__(
        self,
        base: str,
        *,
        proxy: str = "",
        patience: float = _WHOLE_SECONDS,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.base = base.rstrip("/")
        self._patience = patience
        if proxy and not proxy.startswith(("http://", "https://")):
            raise SettingsInvalid(["[network] proxy: expected an address that starts with http:// or https://"])
        leaves = httpx2.URL(self.base).host not in _LOCAL_HOSTS
        self._client = httpx2.AsyncClient(
            # Certificates may come from SSL_CERT_FILE, for companies with their own; proxies from settings alone.
            verify=httpx2.create_ssl_context(),
            trust_env=False,
            proxy=proxy if proxy and leaves else None,
            timeout=httpx2.Timeout(_CALL_SECONDS, connect=_CONNECT_SECONDS),
            limits=httpx2.Limits(
                max_connections=_CONNECTIONS,
                max_keepalive_connections=_IDLE_CONNECTIONS,
                keepalive_expiry=_IDLE_SECONDS,
            ),
            transport=transport,
        )

    async def call(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        body: Mapping[str, Any] | None = None,
        file: File | None = None,
    ) -> Answer:
        """Post a body or a file, or get; gives WeCom's answer, refusals included."""
        url = self._url(path, query)
        timeout = httpx2.Timeout(_CALL_SECONDS, connect=_CONNECT_SECONDS)
        if file is not None:
            timeout = httpx2.Timeout(_FILE_SECONDS, connect=_CONNECT_SECONDS)
            files = {"media": (file.name, file.data, file.mime)}
            request = self._client.build_request("POST", url, files=files, timeout=timeout)
        elif body is not None:
            # Escapes like \u4f60 are refused with 40033, and half a surrogate pair has no UTF-8.
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            request = self._client.build_request("POST", url, content=content, headers=_JSON, timeout=timeout)
        else:
            request = self._client.build_request("GET", url, timeout=timeout)
        _, content = await self._exchange(path, request, _ANSWER_BYTES)
        return Answer.of(path, content)

    async def download(self, path: str, query: Mapping[str, str], limit: int) -> Answer:
        """Get a file, or WeCom's refusal; more than `limit` bytes are `Undeliverable`."""
        timeout = httpx2.Timeout(_FILE_SECONDS, connect=_CONNECT_SECONDS)
        request = self._client.build_request("GET", self._url(path, query), timeout=timeout)
        disposition, data = await self._exchange(path, request, limit)
        # An error comes as JSON where the file would be, and without a name.
        if not disposition and data.lstrip()[:1] == b"{":
            return Answer.of(path, data)
        name = _FILE_NAME.search(disposition)
        return Answer(path, 0, data=data, name=name[1] if name else "")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _url(self, path: str, query: Mapping[str, str]) -> str:
        return f"{self.base}/cgi-bin/{path}?{urlencode(query)}"

    async def _exchange(self, path: str, request: httpx2.Request, limit: int) -> tuple[str, bytes]:
        try:
            # The client's own time-outs begin anew with every byte; somebody may send one a second.
            async with asyncio.timeout(self._patience):
                response = await self._client.send(request, stream=True)
                try:
                    _check_status(path, response)
                    return response.headers.get("content-disposition", ""), await _read(path, response, limit)
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, TimeoutError, OSError) as error:
            raise TryAgain(f"{path}: {type(error).__name__}: {without_secrets(str(error))}") from error


def _check_status(path: str, response: httpx2.Response) -> None:
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise TryAgain(f"{path}: HTTP {status}", after=60)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TryAgain(f"{path}: HTTP {status}", after=2)
    if not response.is_success:
        # WeCom itself says 200 to everything: this is a proxy's answer, or another server's.
        raise TryAgain(f"{path}: HTTP {status}; check api_base and network.proxy", after=30, alert=True)


async def _read(path: str, response: httpx2.Response, limit: int) -> bytes:
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > limit:
            raise Undeliverable(f"{path}: more than {limit} bytes")
    return bytes(data)
