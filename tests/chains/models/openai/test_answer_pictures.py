"""Pictures beside the words of an answer, or in them, are sent; those of the images API under any name."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chains.models.openai.answers import read_drawn
from chains.models.openai.inline_pictures import InlinePictures
from pipeline.replies import ImageReply, TextReply
from storage.media.files import MediaFolder
from storage.media.images import StoredImages
from tests.chains.harness import open_chains_harness, remembered
from tests.fakes.openai_media import RED
from tests.fakes.openai_server import OpenAIServer, Raw, Says
from tests.processor_time import costs_less_than

ENCODED = base64.b64encode(RED).decode()
ADDRESS = f"data:image/png;base64,{ENCODED}"


def batched(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def whole(**message: object) -> Raw:
    return Raw(json.dumps({"choices": [{"message": {"role": "assistant", **message}}]}).encode())


async def test_a_picture_of_an_answer_is_sent_below_its_words(tmp_path: Path, server: OpenAIServer) -> None:
    beside = {"content": "给您画好了"}
    answers = {
        "OpenRouter's": whole(**beside, images=[{"type": "image_url", "image_url": {"url": ADDRESS}}]),
        "an address": whole(**beside, images=[{"image_url": ADDRESS}]),
        "bare base64": whole(**beside, images=[{"b64_json": ENCODED}]),
        "text": whole(**beside, images=[ADDRESS]),
        "a part": whole(
            content=[{"type": "text", "text": "给您画好了"}, {"type": "image_url", "image_url": {"url": ADDRESS}}]
        ),
        "Gemini's part": whole(
            content=[{"text": "给您画好了"}, {"inlineData": {"mimeType": "image/png", "data": ENCODED}}]
        ),
        "in the words": whole(content=f"给您画好了\n\n![image]({ADDRESS})"),
        "streamed": Raw(
            b"".join(
                b"data: %b\n\n" % json.dumps({"choices": [{"delta": delta}]}).encode()
                for delta in (beside, {"images": [{"image_url": {"url": ADDRESS}}]})
            )
        ),
    }
    async with open_chains_harness(server.base_url, pictures=StoredImages(MediaFolder(tmp_path))) as it:
        for name, act in answers.items():
            server.script(act)
            words, picture = (await it.outcome("画一只猫", streams=name == "streamed")).replies

            assert TextReply("给您画好了") == words, name
            assert isinstance(picture, ImageReply), name
        server.script(
            whole(content="", images=[{"url": ADDRESS}]),
            whole(content="好", images=["data:image/png;base64,xx"]),
            Says("好"),
        )
        alone = await it.outcome("画一只猫")
        broken = await it.outcome("画一只猫")

    assert 1 == len(remembered(alone).exchange.drawn)
    assert (TextReply("好"),) == broken.replies


def events(*deltas: object) -> Raw:
    body = b"".join(b"data: %b\n\n" % json.dumps({"choices": [{"delta": delta}]}).encode() for delta in deltas)
    return Raw(body + b"data: [DONE]\n\n", content_type="text/event-stream")


def large() -> str:
    return f"data:image/png;base64,{base64.b64encode(RED + bytes(8 * 2**20)).decode()}"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            lambda: events({"content": "好"}, {"images": [{"image_url": {"url": large()}}]}), id="in one event"
        ),
        pytest.param(lambda: events({"content": f"好![image]({large()})"}), id="in the words of one event"),
        pytest.param(
            lambda: events(*({"content": piece} for piece in batched(f"好![a cat]({large()})", 2**20))),
            id="in many pieces",
        ),
        pytest.param(lambda: whole(content="好", images=[{"url": large()}]), id="in a whole answer"),
    ],
)
async def test_a_large_picture_is_sent(tmp_path: Path, server: OpenAIServer, answer: Callable[[], Raw]) -> None:
    server.script(answer())
    async with open_chains_harness(server.base_url, pictures=StoredImages(MediaFolder(tmp_path))) as it:
        words, picture = (await it.outcome("画一只猫", streams=True)).replies

    assert TextReply("好") == words
    assert isinstance(picture, ImageReply)


@pytest.mark.parametrize(
    ("said", "words", "pictures"),
    [
        pytest.param(f"a ![b]({ADDRESS}) c ![d]({ADDRESS})!", "a  c !", 2, id="two"),
        pytest.param("![a](https://a.example/b.png)!", "![a](https://a.example/b.png)!", 0, id="an address"),
        pytest.param("![a](data:image/png;base64,...) is one", "![a](data:image/png;base64,...) is one", 0, id="told"),
        pytest.param("![a](data:image/png;base64,AA", "![a](data:image/png;base64,AA", 0, id="a short one, no end"),
        pytest.param(f"好![a](data:image/png;base64,{'A' * 2000}", "好", 0, id="a cut one"),
        pytest.param("![![![!!", "![![![!!", 0, id="marks alone"),
        pytest.param("!", "!", 0, id="one mark"),
        pytest.param("![a](data:text/plain;base64,AAAAAAAAAAAAAAAAAAAA)", None, 0, id="no picture"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_words_around_pictures_are_all_kept_however_they_come(
    said: str, words: str | None, pictures: int, size: int
) -> None:
    inline, kept, found = InlinePictures(), "", []
    for piece in batched(said, size):
        text, ended = inline.feed(piece)
        kept += text
        found += ended

    assert (said if words is None else words) == kept + inline.rest()
    assert [ADDRESS] * pictures == found


def test_pictures_are_looked_for_in_no_time_that_grows_faster_than_the_words() -> None:
    def look() -> None:
        for unit in ("!", "![", "![a](", "![a](data:image/png;base64,.", f"![a](data:image/png;base64,{'A' * 200}"):
            inline = InlinePictures()
            for piece in batched(unit * (200_000 // len(unit)), 400):
                inline.feed(piece)
            InlinePictures().feed(unit * (200_000 // len(unit)))

    assert costs_less_than(0.6, look)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"images": [{"url": "https://a.example/b.png"}]}, id="SiliconFlow's"),
        pytest.param({"images": ["https://a.example/b.png"]}, id="addresses alone"),
        pytest.param({"data": [], "images": [{"url": "https://a.example/b.png"}]}, id="beside empty data"),
    ],
)
def test_drawn_pictures_are_read_by_either_name(answer: dict[str, object]) -> None:
    assert "https://a.example/b.png" == read_drawn(json.dumps(answer).encode()).url
