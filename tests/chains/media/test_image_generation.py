"""Drawing: `@image` over the images API, and the demo where nothing is set up."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chains.media.image_generation import MOST, read_size
from chains.models.prices import MILLION
from chains.models.response import MOST_TOKENS
from pipeline.answer import Conversation, Exchange, ExchangeRecorded, Notice, Outcome, Provenance
from pipeline.errors import AnswerFailed
from pipeline.ports import Spending
from pipeline.replies import ImageReply, TextReply
from pipeline.spending import SpentTotals
from pipeline.text.i18n import Catalogue, load_sentences
from storage.media.files import MediaFolder
from storage.media.images import StoredImages
from tests.chains.harness import NOON, ChainsHarness, RecentMemory, open_chains_harness
from tests.fakes.accounts import FakeAccounts
from tests.fakes.openai_media import RED, drawn, drawn_at
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Raw
from tests.fakes.recordings import noise, picture
from tests.fakes.recordings import size_of as measured

DOING = Catalogue("zh").text("image.drawing")
SENTENCES = [load_sentences("zh"), load_sentences("en")]


class Studio:
    """A house that draws, with the store its pictures lie in."""

    def __init__(self, it: ChainsHarness, media: MediaFolder) -> None:
        self.it = it
        self.media = media

    async def drawn(self, line: str) -> tuple[ImageReply, bytes]:
        outcome = await self.it.outcome(line)
        (reply,) = outcome.replies
        assert isinstance(reply, ImageReply)
        return reply, await self.media.read(reply.media)


@asynccontextmanager
async def studio(
    folder: Path,
    server: OpenAIServer | None = None,
    *,
    memory: RecentMemory | None = None,
    spending: Spending | None = None,
    **image: object,
) -> AsyncIterator[Studio]:
    """Open a house; with a server, `[models.image]` is there."""
    media = MediaFolder(folder / "media")
    models = {"image": {"model": "painter", "base_url": server.base_url, "max_retries": 0, **image}} if server else {}
    budgets = {"per_user_per_day": 1.0} if spending is not None else {}
    async with open_chains_harness(
        models=models, pictures=StoredImages(media), memory=memory, spending=spending, budgets=budgets
    ) as it:
        yield Studio(it, media)


async def test_image_draws_and_says_first_that_it_takes_a_while(tmp_path: Path, server: OpenAIServer) -> None:
    async with studio(tmp_path, server) as at:
        notice, outcome = await at.it.steps("@image 一只戴草帽的黑猫")
        assert isinstance(outcome, Outcome)
        (reply,) = outcome.replies
        assert isinstance(reply, ImageReply)
        kept = await at.media.read(reply.media)

    assert Notice(DOING) == notice
    assert ("", RED) == (reply.caption, kept)
    assert ["/v1/images/generations"] == [asked.path for asked in server.asked]
    assert [{"model": "painter", "prompt": "一只戴草帽的黑猫", "n": 1}] == server.bodies


@pytest.mark.parametrize("typed", ["@画图 黑猫", "@image 黑猫", "＠画图 1024x1536 黑猫"])
async def test_the_transcript_has_the_command_as_it_was_typed(tmp_path: Path, server: OpenAIServer, typed: str) -> None:
    async with studio(tmp_path, server) as at:
        (said,) = (await at.it.outcome(typed)).changes

    assert isinstance(said, ExchangeRecorded)
    assert typed == said.exchange.question


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input_tokens": 1000, "output_tokens": 4000}, (1000, 4000)),
        ({"input_tokens": "many", "output_tokens": None}, (0, 0)),
        ({"input_tokens": 10**30, "output_tokens": -1}, (MOST_TOKENS, 0)),
        ("none", (0, 0)),
    ],
)
async def test_a_picture_has_its_price(
    tmp_path: Path, server: OpenAIServer, usage: object, tokens: tuple[int, int]
) -> None:
    server.script(Raw(json.dumps(json.loads(drawn()) | {"usage": usage}).encode()))
    async with studio(tmp_path, server, call_price=0.25, input_price=5.0, output_price=40.0) as at:
        (said,) = (await at.it.outcome("@image 黑猫")).changes

    assert isinstance(said, ExchangeRecorded)
    assert tokens == (said.provenance.input_tokens, said.provenance.output_tokens)
    assert 250_000 + tokens[0] * 5 + tokens[1] * 40 == said.provenance.cost


async def test_nothing_is_drawn_that_the_budget_cannot_pay(tmp_path: Path, server: OpenAIServer) -> None:
    spent = FakeAccounts(SpentTotals(MILLION, MILLION))
    async with studio(tmp_path, server, spending=spent, call_price=0.25) as at:
        assert "额度已经用完" in await at.it.said("@image 黑猫")
    assert [] == server.asked
    async with studio(tmp_path, server, spending=spent) as at:
        await at.it.outcome("@image 黑猫")
    assert 1 == len(server.asked)


async def test_the_transcript_keeps_the_picture_aside_from_what_models_see(
    tmp_path: Path, server: OpenAIServer
) -> None:
    talk = Conversation(4, 2, exchange_count=3, started_at=NOON, last_at=NOON)
    async with studio(tmp_path, server, memory=RecentMemory(conversation=talk)) as at:
        outcome = await at.it.outcome(" @画图  1024x1536  *黑猫* ")

    (reply,) = outcome.replies
    (said,) = outcome.changes
    assert isinstance(reply, ImageReply)
    assert isinstance(said, ExchangeRecorded)
    assert Exchange("@画图  1024x1536  *黑猫*", "（画好的图：\\*黑猫\\*）", drawn=(reply.media,)) == said.exchange
    assert (Provenance("@image", "", "painter", 0, 0, said.provenance.milliseconds), talk, True) == (
        said.provenance,
        said.conversation,
        said.is_command,
    )


@pytest.mark.parametrize(
    ("line", "prompt", "size"),
    [
        ("@image 1024x1536 黑猫", "黑猫", "1024x1536"),
        ("@image 1024X1536\n黑猫\n白猫", "黑猫\n白猫", "1024x1536"),
        ("@画图 1024×1536 黑猫", "黑猫", "1024x1536"),
        ("@图片 512*512 黑猫", "黑猫", "512x512"),
        ("@image 黑猫 1024x1536", "黑猫 1024x1536", "640x480"),
        ("@image 3x3x3 的魔方", "3x3x3 的魔方", "640x480"),
        ("@image 0x10 黑猫", "0x10 黑猫", "640x480"),
    ],
)
async def test_a_size_before_the_description_is_for_this_picture(
    tmp_path: Path, server: OpenAIServer, line: str, prompt: str, size: str
) -> None:
    async with studio(tmp_path, server, size="640x480", quality="high", style="vivid") as at:
        await at.drawn(line)

    expected = {"model": "painter", "prompt": prompt, "n": 1, "size": size, "quality": "high", "style": "vivid"}
    assert [expected] == server.bodies


def test_a_size_is_two_numbers() -> None:
    assert ["", "", "", "99999x10"] == [read_size(words) for words in ("", "1024", "axb", "99999x10")]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(drawn(), id="base64"),
        pytest.param(
            json.dumps({"data": [{"b64_json": "data:image/png;base64," + base64.b64encode(RED).decode()}]}).encode(),
            id="base64 as an address of its own",
        ),
        pytest.param(drawn_at("data:image/png;base64," + base64.b64encode(RED).decode()), id="an address of itself"),
    ],
)
async def test_a_picture_may_come_in_the_answer(tmp_path: Path, server: OpenAIServer, answer: bytes) -> None:
    server.script(Raw(answer))
    async with studio(tmp_path, server) as at:
        _, data = await at.drawn("@image 黑猫")

    assert RED == data


async def test_a_picture_may_lie_at_the_providers_own_address(tmp_path: Path, server: OpenAIServer) -> None:
    server.script(Raw(drawn_at(f"{server.base_url}/files/red.png?sign=xyz")), Raw(RED, content_type="image/png"))
    async with studio(tmp_path, server) as at:
        _, data = await at.drawn("@image 黑猫")

    assert RED == data
    assert "authorization" not in server.asked[1].headers


async def test_what_wecom_does_not_take_is_converted(tmp_path: Path, server: OpenAIServer) -> None:
    server.script(Raw(drawn(picture("WEBP"))), Raw(drawn(noise("JPEG", 300, 200))))
    async with studio(tmp_path, server) as at:
        first, data = await at.drawn("@image 黑猫")
        second, _ = await at.drawn("@image 黑猫")

    assert ("image/jpeg", ("JPEG", 64, 48)) == (first.media.mime, measured(data))
    assert "picture.jpg" == second.media.name


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (Fails(400, code="moderation_blocked", message="rejected by the safety system"), "image.filtered"),
        (Fails(400, code="content_policy_violation"), "image.filtered"),
        (Fails(400, code="DataInspectionFailed"), "image.filtered"),
        (Fails(400, message="input length too long"), "image.too_long"),
        (Fails(400, code="whatever"), "model.refused"),
        (Fails(401), "model.key"),
        (Fails(429), "model.busy"),
        (Fails(429, code="insufficient_quota"), "model.quota"),
        (Fails(500), "model.broken"),
        (Raw(b"<html>nginx</html>", content_type="text/html"), "model.garbled"),
        (Raw(b'{"data": []}'), "model.garbled"),
        (Raw(b'{"data": [{}]}'), "image.empty"),
        (Raw(b'{"data": [{"b64_json": "@@@"}]}'), "image.unreadable"),
        (Raw(drawn(b"no picture at all")), "image.unreadable"),
        (Raw(drawn_at("http://169.254.169.254/latest/meta-data")), "image.unreadable"),
        (Raw(drawn_at("file:///etc/passwd")), "image.unreadable"),
    ],
    ids=str,
)
async def test_what_went_wrong_is_told_in_a_sentence(
    tmp_path: Path, server: OpenAIServer, act: Act, reason: str
) -> None:
    server.script(act)
    async with studio(tmp_path, server) as at:
        with pytest.raises(AnswerFailed) as failed:
            await at.it.outcome("@image 秘密的词")

    assert reason == failed.value.reason
    assert "秘密的词" not in str(failed.value)
    assert all(sentences[reason] for sentences in SENTENCES)


async def test_a_size_the_provider_does_not_take_is_named(tmp_path: Path, server: OpenAIServer) -> None:
    server.script(Fails(400, code="invalid_value", message="Invalid size"))
    async with studio(tmp_path, server) as at:
        said = await at.it.outcome("@image 70x70 黑猫")

    assert Outcome((TextReply("画图服务不接受 70x70 这个尺寸，请换一个，或不写尺寸。"),)) == said


@pytest.mark.parametrize("size", ["99999x99999", "99999x10", "8193x64", "6000x4001", "63x64", "10x10"])
async def test_a_size_no_picture_has_is_not_asked_for(tmp_path: Path, server: OpenAIServer, size: str) -> None:
    async with studio(tmp_path, server) as at:
        said = await at.it.said(f"@image {size} 黑猫")

    assert size in said
    assert "2400 万像素" in said
    assert [] == server.asked


@pytest.mark.parametrize("line", ["@image", "@image  \n", "@画图 1024x1024"])
async def test_an_empty_description_is_explained(tmp_path: Path, server: OpenAIServer, line: str) -> None:
    async with studio(tmp_path, server) as at:
        said = await at.it.said(line)

    assert Catalogue("zh").text("image.empty_description") == said
    assert [] == server.asked


async def test_a_description_is_bounded_in_length(tmp_path: Path, server: OpenAIServer) -> None:
    async with studio(tmp_path, server) as at:
        said = await at.it.said("@image " + "猫" * (MOST + 1))

    assert f"共 {MOST + 1} 字，最多 {MOST} 字" in said
    assert [] == server.asked


async def test_nobody_answering_is_said(tmp_path: Path) -> None:
    async with OpenAIServer() as gone:
        base_url = gone.base_url
    image = {"model": "painter", "base_url": base_url, "max_retries": 0}
    async with open_chains_harness(models={"image": image}, pictures=StoredImages(MediaFolder(tmp_path))) as it:
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome("@image 黑猫")

    assert "model.unreachable" == failed.value.reason


async def test_the_demo_draws_a_landscape_and_says_what_it_is(tmp_path: Path) -> None:
    async with studio(tmp_path) as at:
        reply, data = await at.drawn("@image 320x200 一只黑猫")
        again, _ = await at.drawn("@image 320x200 一只黑猫")
        other, _ = await at.drawn("@image 320x200 夜里的白猫")
        steps = await at.it.steps("@image 320x200 一只黑猫")

    assert ("PNG", 320, 200) == measured(data)
    assert "演示" in reply.caption
    assert reply.media == again.media != other.media
    assert 1 == len(steps)


async def test_the_demo_may_draw_beside_a_real_model(tmp_path: Path, server: OpenAIServer) -> None:
    media = MediaFolder(tmp_path)
    async with open_chains_harness(
        server.base_url, models={"image": {"provider": "demo"}}, pictures=StoredImages(media)
    ) as it:
        (reply,) = (await it.outcome("@image 64x64 黑猫")).replies

    assert isinstance(reply, ImageReply)
    assert [] == server.asked


async def test_image_is_listed_where_something_draws_and_nowhere_else(tmp_path: Path, server: OpenAIServer) -> None:
    pictures = StoredImages(MediaFolder(tmp_path))
    async with studio(tmp_path, server) as at:
        assert "@image" in await at.it.said("@help")
    async with open_chains_harness(pictures=pictures) as it:
        assert "@image" in await it.said("@help")
    async with open_chains_harness(server.base_url, pictures=pictures) as it:
        assert "@image" not in await it.said("@help")
        assert "还没有开通" in await it.said("@image 黑猫")
