"""Pictures beside the words of an answer, or in them, are sent; those of the images API under any name."""

import base64
import json
from pathlib import Path

import pytest

from chains.models.openai.answers import read_drawn
from pipeline.replies import ImageReply, TextReply
from storage.media.files import MediaFolder
from storage.media.images import StoredImages
from tests.chains.harness import open_chains_harness, remembered
from tests.fakes.openai_media import RED
from tests.fakes.openai_server import OpenAIServer, Raw, Says

ENCODED = base64.b64encode(RED).decode()
ADDRESS = f"data:image/png;base64,{ENCODED}"


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
