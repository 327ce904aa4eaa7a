"""Packages that make their sessions themselves read so many bytes of an answer and no more."""

import asyncio
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from langchain_core.messages import HumanMessage

from chains.models.errors import to_answer_failed
from chains.models.openai.transport import ANSWER_BYTES, STREAM_BYTES, AnswerTooLarge
from chains.models.packages.library_clients import bound_clients
from chains.models.packages.session_clients import BoundedAWSSession
from chains.models.registry import ModelRegistry
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from tests.fakes.openai_server import OpenAIServer, Raw, Says

ENDLESS = Raw(b'"' + b"a" * 2 * ANSWER_BYTES + b'"')
PACKED = Raw(gzip.compress(bytes(2 * ANSWER_BYTES)), headers={"content-encoding": "gzip"})
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@dataclass
class URLLib3Body:
    """What urllib3 gives of an answer."""

    data: BytesIO
    taken: int = 0

    def read(self, amt: int | None = None, *, decode_content: bool = False) -> bytes:
        assert not decode_content
        piece = self.data.read(amt)
        self.taken += len(piece)
        return piece

    def stream(self, amt: int = 65_536) -> Iterator[bytes]:
        while piece := self.read(amt):
            yield piece

    def close(self) -> None:
        self.data.close()


@dataclass
class AWSConnection:
    """Sends nothing and has an answer of so many bytes; like botocore's, it reads it at once if it may."""

    size: int
    kind: str = "application/json"
    body: URLLib3Body = field(init=False)

    def send(self, request: Any) -> Any:  # noqa: ANN401 - as botocore's
        self.body = URLLib3Body(BytesIO(bytes(self.size)))
        if not request.stream_output:
            self.body.read()
        return SimpleNamespace(headers={"content-type": self.kind}, raw=self.body)


@pytest.mark.parametrize("answer", [ENDLESS, PACKED], ids=["an answer without end", "a few bytes that become many"])
async def test_a_session_made_for_each_call_takes_so_much_and_no_more(answer: Raw) -> None:
    package = SimpleNamespace(client=SimpleNamespace(get_async_session_fn=aiohttp.ClientSession))
    found = await asyncio.to_thread(bound_clients, package)
    async with OpenAIServer() as server, package.client.get_async_session_fn() as session:
        server.script(answer, Says("ok"))
        url = f"{server.base_url}/chat/completions"
        async with session.post(url, json=BODY) as endless:
            with pytest.raises(AnswerTooLarge):
                await endless.json()
        async with session.post(url, json=BODY) as good:
            said = await good.json()

    assert 1 == found
    assert "ok" == said["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("kind", "most"), [("application/json", ANSWER_BYTES), ("application/vnd.amazon.eventstream", STREAM_BYTES)]
)
@pytest.mark.parametrize("piecewise", [True, False])
def test_a_body_of_amazons_is_read_to_a_bound(kind: str, most: int, *, piecewise: bool) -> None:
    def read(size: int) -> tuple[int, AWSConnection]:
        sends = AWSConnection(size, kind)
        raw = BoundedAWSSession(sends).send(SimpleNamespace(stream_output=False)).raw
        try:
            return sum(map(len, raw.stream(65_536))) if piecewise else len(raw.read()), sends
        except AnswerTooLarge:
            return -1, sends

    whole, _ = read(most)
    refused, sends = read(2 * most)

    assert (most, -1) == (whole, refused)
    assert sends.body.taken <= most + 65_536
    assert sends.body.data.closed


@pytest.mark.parametrize(
    ("provider", "package"), [("nvidia", "langchain_nvidia_ai_endpoints"), ("bedrock_converse", "langchain_aws")]
)
async def test_the_real_packages_answers_are_bounded(
    provider: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(pytest.importorskip, package, reason="its extra is not installed")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "a")
    own = {"api_key": "k"} if provider == "nvidia" else {"region_name": "us-east-1"}
    async with OpenAIServer() as server:
        server.script(ENDLESS)
        table = {"provider": provider, "model": "m", "base_url": server.base_url, **own}
        settings = Settings.model_validate({"models": {"default": table}})
        models = ModelRegistry(settings, await asyncio.to_thread(Catalogue, "en"))
        try:
            with pytest.raises(AnswerTooLarge) as refused:
                await (await models.chat("default")).ainvoke([HumanMessage("hi")])
        finally:
            await models.aclose()

    assert "model.too_large" == to_answer_failed(refused.value, model="default").reason
