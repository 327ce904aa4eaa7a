"""Answers of providers read within bounds: of bytes, also when they come compressed, of values, and of time."""

import asyncio
import base64
import gzip
import json
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from chains.models.openai.answers import parse_answer, read_drawn
from chains.models.openai.transport import ANSWER_BYTES, AnswerTooLarge, open_client, timeouts
from pipeline.errors import AnswerFailed
from pipeline.text.i18n import Catalogue
from storage.media.files import MediaFolder
from storage.media.images import StoredImages
from tests.chains.harness import open_chains_harness
from tests.fakes.openai_media import RED, drawn
from tests.fakes.openai_server import Act, OpenAIServer, Raw, Says
from tests.processor_time import costs_less_than, slowness, without_garbage_collection

BOMB = 100 * 2**20
BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def deflated(wbits: int) -> bytes:
    """Give 100 MB of a JSON string, packed into half a megabyte."""
    packer = zlib.compressobj(1, zlib.DEFLATED, wbits)
    pieces = [packer.compress(b'{"choices":"')]
    pieces += [packer.compress(b"a" * 2**20) for _ in range(BOMB // 2**20)]
    return b"".join((*pieces, packer.flush()))


def gzipped() -> Raw:
    return Raw(deflated(16 + zlib.MAX_WBITS), headers={"content-encoding": "gzip"})


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(gzipped, id="gzip"),
        pytest.param(lambda: Raw(deflated(zlib.MAX_WBITS), headers={"content-encoding": "deflate"}), id="deflate"),
        pytest.param(lambda: Raw(b'"' + b"a" * ANSWER_BYTES + b'"'), id="plain"),
        pytest.param(
            lambda: Raw(b"data: " + bytes(ANSWER_BYTES), content_type="text/event-stream"), id="one event without end"
        ),
    ],
)
async def test_an_answer_has_so_many_bytes_and_no_more(server: OpenAIServer, answer: Callable[[], Act]) -> None:
    server.script(answer())
    async with open_client(proxy="") as client:
        with pytest.raises(AnswerTooLarge):
            await client.post(f"{server.base_url}/chat/completions", json=BODY, timeout=timeouts(60))


async def test_answers_are_asked_for_as_they_are_and_understood_when_they_come_packed(server: OpenAIServer) -> None:
    server.script(Raw(gzip.compress(b'{"a": 1}'), headers={"content-encoding": "gzip"}))
    async with open_client(proxy="") as client:
        response = await client.post(f"{server.base_url}/chat/completions", json=BODY)

    assert {"a": 1} == response.json()
    assert "identity" == server.asked[0].headers["accept-encoding"]


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "nonsense"])
async def test_what_cannot_be_unpacked_within_bounds_is_refused(server: OpenAIServer, encoding: str) -> None:
    server.script(Raw(b"{}", headers={"content-encoding": encoding}))
    async with open_client(proxy="") as client:
        with pytest.raises(httpx2.DecodingError):
            await client.post(f"{server.base_url}/chat/completions", json=BODY)
        assert 200 == (await client.post(f"{server.base_url}/chat/completions", json=BODY)).status_code


async def test_a_person_is_told_of_an_answer_beyond_all_bounds(server: OpenAIServer) -> None:
    server.script(gzipped())
    async with open_chains_harness(server.base_url) as it:
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome("你好")

    assert "model.too_large" == failed.value.reason
    assert Catalogue("zh").text(failed.value.reason, trace="1")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"[" + b"{}," * 200_000 + b"{}]", id="objects"),
        pytest.param(b"[" + b"[]," * 200_000 + b"[]]", id="lists"),
        pytest.param(b"[" + b"1," * 2_000_000 + b"1]", id="numbers"),
        pytest.param(b"{" + b",".join(b'"%d":1' % n for n in range(200_000)) + b"}", id="fields"),
        pytest.param(b'"' + b"a" * ANSWER_BYTES + b'"', id="one string"),
    ],
)
def test_json_that_takes_long_to_read_is_refused_at_once(raw: bytes) -> None:

    def refuse() -> None:
        with pytest.raises(AnswerTooLarge):
            parse_answer(raw)

    assert costs_less_than(0.05, refuse)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("长" * 200_000, id="Chinese"),
        pytest.param("a,b\n" * 40_000, id="a table"),
        pytest.param(json.dumps({str(n): [n, {"a": "b"}] for n in range(10_000)}), id="JSON within"),
        pytest.param("\ud83d", id="half an emoji"),
    ],
)
def test_the_longest_honest_answers_are_read(text: str) -> None:
    answer = {"choices": [{"message": {"content": text}}]}

    assert answer == parse_answer(json.dumps(answer).encode())


def test_what_is_no_json_in_utf8_is_refused() -> None:
    for raw in (b"", b"<html>", '{"a": 1}'.encode("utf-16"), b"\xff"):
        with pytest.raises(ValueError, match=r".*"):
            parse_answer(raw)


PICTURE = os.urandom(3 * 2**20 + 1)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda encoded: encoded, id="as it should be"),
        pytest.param(lambda encoded: "data:image/png;base64," + encoded, id="as an address"),
        pytest.param(lambda encoded: "\n".join(encoded[at : at + 76] for at in range(0, len(encoded), 76)), id="lines"),
    ],
)
@pytest.mark.parametrize("key", ["b64_json", "url"])
def test_a_large_picture_is_taken_out_of_an_answer(write: Callable[[str], str], key: str) -> None:
    encoded = write(base64.b64encode(PICTURE).decode())
    if key == "url" and not encoded.startswith("data:"):
        encoded = "data:image/png;base64," + encoded
    whole = {"created": 1, "data": [{key: encoded}], "usage": {"input_tokens": 7}}
    for raw in (json.dumps(whole), json.dumps(whole, separators=(",", ":")), json.dumps(whole).replace("/", r"\/")):
        answer = read_drawn(raw.encode())

        assert PICTURE == answer.data
        assert {"input_tokens": 7} == answer.fields["usage"]


def test_small_pictures_and_addresses_are_taken_out_as_well() -> None:
    assert RED == read_drawn(drawn(RED)).data
    assert "https://a.example/b.png" == read_drawn(b'{"data": [{"url": "https:\\/\\/a.example\\/b.png"}]}').url


async def test_the_loop_goes_on_while_a_large_picture_is_taken_out(tmp_path: Path, server: OpenAIServer) -> None:
    image = {"model": "m", "base_url": server.base_url, "max_retries": 0}
    server.script(Raw(drawn(RED + bytes(16 * 2**20))), Says("ok"))
    async with open_chains_harness(models={"image": image}, pictures=StoredImages(MediaFolder(tmp_path))) as it:
        with without_garbage_collection():
            drawing = asyncio.create_task(it.outcome("@image 猫"))
            longest = 0.0
            while not drawing.done():
                began = time.thread_time()
                await asyncio.sleep(0)
                longest = max(longest, time.thread_time() - began)
            await drawing

    assert longest < 0.25 * slowness()
