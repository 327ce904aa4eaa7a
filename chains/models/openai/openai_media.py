"""Pictures and speech over the OpenAI protocol: one table of `[models]`, its address, its key and its patience."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx2

from chains.models import registry
from chains.models.openai.answers import parse_answer
from chains.models.openai.transport import open_client, timeouts
from pipeline.net import is_loopback_url
from pipeline.settings import ModelTable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_OPENAI = "https://api.openai.com/v1"
_LARGEST = 32 * 2**20
"""Bytes an answer may have: a picture of 24 MB in base64, or five minutes of speech."""


class OpenAIMedia:
    """Calls that carry files; opened on the first one, because the library takes a second to load."""

    def __init__(self, name: str, table: ModelTable, *, proxy: str) -> None:
        self.name = name
        self.table = table
        self.base_url = table.base_url or _OPENAI
        self._proxy = proxy
        self._client: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()

    async def post(self, path: str, body: Mapping[str, Any]) -> bytes:
        """Post JSON; returns the answer's bytes. Raises what `chains.models.errors` knows how to tell."""
        return await self._call(path, body=body)

    async def send(self, path: str, fields: Mapping[str, str], file: tuple[str, bytes, str]) -> Any:  # noqa: ANN401 - JSON
        """Post a form with a file of name, bytes and type; returns the answer's JSON."""
        return parse_answer(await self._call(path, body=dict(fields), files={"file": file}))

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _call(self, path: str, **what: Any) -> bytes:  # noqa: ANN401 - handed on as it is
        client = await self._opened()
        import openai  # noqa: PLC0415 - loaded by now, and not on the event loop

        try:
            async with asyncio.timeout(self.table.timeout):
                options: Any = {"headers": {"Content-Type": "multipart/form-data"}} if "files" in what else {}
                response = await client.post(path, cast_to=httpx2.Response, options=options, **what)
        except openai.APITimeoutError as error:
            raise TimeoutError from error
        except openai.APIConnectionError as error:
            raise ConnectionError from error
        content: bytes = response.content
        return content

    async def _opened(self) -> "AsyncOpenAI":
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._open)
            return self._client

    def _open(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI  # noqa: PLC0415 - costs a second

        local = is_loopback_url(self.base_url)
        if not (local or registry.ALLOW_REAL_MODELS):
            message = f"[models.{self.name}]: the fuse is out, {self.base_url} is not on this machine"
            raise RuntimeError(message)
        return AsyncOpenAI(
            api_key=self.table.key or "none",
            base_url=self.base_url,
            timeout=timeouts(self.table.timeout),
            max_retries=self.table.max_retries,
            # A model on this machine is not reached through the company's proxy.
            http_client=open_client(proxy="" if local else self._proxy, largest=_LARGEST),
        )
