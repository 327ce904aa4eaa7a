"""Pictures people send: alone, before a question, and to models that cannot see."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

from chains.media.image_input import MOST_EARLIER
from pipeline.answer import Exchange, ExchangeRecorded, ImageReceived, Outcome
from pipeline.errors import TryAgain, Undeliverable
from pipeline.events import Content, Image, Text
from pipeline.replies import StoredMedia, TextReply
from pipeline.text.i18n import Catalogue
from storage.media.files import MediaFolder
from storage.media.images import StoredImages
from tests.chains.harness import NOON, ChainsHarness, RecentMemory, ask, open_chains_harness
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.recordings import picture, webp_claiming

ZH = Catalogue("zh")


@dataclass
class Phone:
    """A person who sends pictures: media ids are the colours of what they name."""

    it: ChainsHarness
    media: MediaFolder

    async def fetch(self, media_id: str) -> StoredMedia:
        match media_id:
            case "gone":
                raise Undeliverable("40007")
            case "busy":
                raise TryAgain("-1")
            case "broken":
                return await self.media.keep(b"GIF89a but not really", mime="image/gif", name="image.gif")
            case "huge":
                return await self.media.keep(webp_claiming(8000, 8000), mime="image/webp", name="image.webp")
            case colour:
                return await self.media.keep(picture("JPEG", colour=colour), mime="image/jpeg", name="image.jpg")

    async def outcome(self, content: Content, at: datetime = NOON) -> Outcome:
        one = ask(content)
        event = replace(one.event, sent_at=at)
        steps = [step async for step in self.it.chains.answer(replace(one, event=event, fetch=self.fetch))]
        assert isinstance(steps[-1], Outcome)
        return steps[-1]

    async def said(self, content: Content) -> str:
        (reply,) = (await self.outcome(content)).replies
        assert isinstance(reply, TextReply)
        return reply.text


@asynccontextmanager
async def phone(
    folder: Path,
    base_url: str = "",
    *,
    vision: bool = True,
    memory: RecentMemory | None = None,
    chat: dict[str, Any] | None = None,
) -> AsyncIterator[Phone]:
    media = MediaFolder(folder / "media")
    async with open_chains_harness(
        base_url, vision=vision, pictures=StoredImages(media), memory=memory, chat=chat
    ) as it:
        yield Phone(it, media)


async def stored(folder: Path, *colours: str) -> list[StoredMedia]:
    media = MediaFolder(folder / "media")
    return [await media.keep(picture("JPEG", colour=c), mime="image/jpeg", name="image.jpg") for c in colours]


def seen(content: list[dict[str, Any]] | str) -> list[str]:
    """Give the colours of the pictures in a message, and its words."""
    if isinstance(content, str):
        return [content]
    return [part["text"] if part["type"] == "text" else _colour(part["image_url"]["url"]) for part in content]


def _colour(url: str) -> str:
    head, _, body = url.partition(",")
    assert head == "data:image/jpeg;base64"
    with PillowImage.open(BytesIO(base64.b64decode(body))) as opened:
        red, green, blue = opened.getpixel((9, 9))  # type: ignore[misc]
    return max((red, "red"), (green, "lime"), (blue, "blue"))[1]


async def test_a_picture_alone_is_kept_and_asked_about(tmp_path: Path, server: OpenAIServer) -> None:
    (red,) = await stored(tmp_path, "red")
    async with phone(tmp_path, server.base_url) as it:
        outcome = await it.outcome(Image("red"))

    assert Outcome((TextReply(ZH.text("picture.taken")),), (ImageReceived(red, NOON),)) == outcome
    assert [] == server.asked


async def test_the_question_after_it_takes_it_along(tmp_path: Path, server: OpenAIServer) -> None:
    red, blue = await stored(tmp_path, "red", "blue")
    memory = RecentMemory(pictures=(ImageReceived(red, NOON), ImageReceived(blue, NOON + timedelta(seconds=30))))
    async with phone(tmp_path, server.base_url, memory=memory) as it:
        outcome = await it.outcome(Text("哪张更红？"), NOON + timedelta(seconds=100))

    (change,) = outcome.changes
    assert isinstance(change, ExchangeRecorded)
    assert ("哪张更红？", (red, blue)) == (change.exchange.question, change.exchange.pictures)
    (message,) = server.bodies[0]["messages"]
    assert ["red", "blue", "哪张更红？"] == seen(message["content"])


async def test_a_question_much_later_is_about_something_else(tmp_path: Path, server: OpenAIServer) -> None:
    red, blue = await stored(tmp_path, "red", "blue")
    memory = RecentMemory(pictures=(ImageReceived(red, NOON), ImageReceived(blue, NOON + timedelta(seconds=60))))
    async with phone(tmp_path, server.base_url, memory=memory, chat={"picture_seconds": 60}) as it:
        outcome = await it.outcome(Text("这是什么"), NOON + timedelta(seconds=61))

    (change,) = outcome.changes
    assert isinstance(change, ExchangeRecorded)
    assert (blue,) == change.exchange.pictures


async def test_a_second_picture_is_counted(tmp_path: Path, server: OpenAIServer) -> None:
    (red,) = await stored(tmp_path, "red")
    async with phone(tmp_path, server.base_url, memory=RecentMemory(pictures=(ImageReceived(red, NOON),))) as it:
        said = await it.said(Image("blue"))

    assert "2" in said


async def test_without_a_time_to_wait_a_picture_is_answered_by_itself(tmp_path: Path, server: OpenAIServer) -> None:
    async with phone(tmp_path, server.base_url, chat={"picture_seconds": 0}) as it:
        outcome = await it.outcome(Image("red"))

    (change,) = outcome.changes
    assert isinstance(change, ExchangeRecorded)
    assert 1 == len(change.exchange.pictures)
    (message,) = server.bodies[0]["messages"]
    assert ["red", ZH.text("picture.alone")] == seen(message["content"])


async def test_pictures_of_earlier_messages_are_shown_again_the_latest_ones(
    tmp_path: Path, server: OpenAIServer
) -> None:
    red, lime, blue = await stored(tmp_path, "red", "lime", "blue")
    gone = replace(red, sha256="0" * 64)
    early = [Exchange(f"early {n}", "ok", (lime,)) for n in range(2)]
    late = [Exchange("first", "ok", (gone, red)), Exchange("second", "ok", (blue,)), Exchange("third", "ok")]
    async with phone(tmp_path, server.base_url, memory=RecentMemory((*early, *late))) as it:
        await it.outcome(Text("还记得吗"))

    asked = [seen(message["content"]) for message in server.bodies[0]["messages"] if message["role"] == "user"]
    assert [["lime", "early 0"], ["lime", "early 1"], ["red", "first"], ["blue", "second"], ["third"]] == asked[:-1]
    assert MOST_EARLIER == 4


async def test_a_picture_is_made_small_once_however_often_it_is_shown(tmp_path: Path, server: OpenAIServer) -> None:
    (red,) = await stored(tmp_path, "red")
    memory = RecentMemory((Exchange("first", "ok", (red,)),))
    async with phone(tmp_path, server.base_url, memory=memory) as it:
        await it.outcome(Text("还记得吗"))
        small = await asyncio.to_thread(lambda: next(tmp_path.rglob(f"{red.sha256}.small")))
        await asyncio.to_thread(small.write_bytes, picture("JPEG", colour="blue"))
        await it.outcome(Text("还记得吗"))

    assert ["red", "blue"] == [seen(body["messages"][0]["content"])[0] for body in server.bodies]


async def test_a_picture_that_is_too_large_is_said_to_be(tmp_path: Path, server: OpenAIServer) -> None:
    async with phone(tmp_path, server.base_url) as it:
        outcome = await it.outcome(Image("huge"))

    assert Outcome((TextReply(ZH.text("picture.too_large", most=16)),)) == outcome


@pytest.mark.parametrize(("media_id", "sentence"), [("gone", "picture.gone"), ("broken", "picture.unreadable")])
async def test_a_picture_that_cannot_be_had_is_said_to_be(
    tmp_path: Path, server: OpenAIServer, media_id: str, sentence: str
) -> None:
    async with phone(tmp_path, server.base_url) as it:
        outcome = await it.outcome(Image(media_id))

    assert Outcome((TextReply(ZH.text(sentence)),)) == outcome


async def test_a_passing_fault_of_the_channel_is_the_engines_to_repeat(tmp_path: Path, server: OpenAIServer) -> None:
    async with phone(tmp_path, server.base_url) as it:
        with pytest.raises(TryAgain):
            await it.outcome(Image("busy"))


async def test_a_model_that_cannot_see_says_so_and_nothing_is_fetched(tmp_path: Path, server: OpenAIServer) -> None:
    async with phone(tmp_path, server.base_url, vision=False) as it:
        outcome = await it.outcome(Image("busy"))

    assert Outcome((TextReply(ZH.text("picture.blind")),)) == outcome


async def test_the_demo_cannot_see(tmp_path: Path) -> None:
    async with phone(tmp_path, vision=False) as it:
        assert ZH.text("picture.blind") == await it.said(Image("red"))


async def test_a_model_that_cannot_see_is_shown_nothing(tmp_path: Path, server: OpenAIServer) -> None:
    (red,) = await stored(tmp_path, "red")
    memory = RecentMemory((Exchange("before", "ok", (red,)),), pictures=(ImageReceived(red, NOON),))
    async with phone(tmp_path, server.base_url, vision=False, memory=memory) as it:
        outcome = await it.outcome(Text("你好"))

    (change,) = outcome.changes
    assert isinstance(change, ExchangeRecorded)
    assert () == change.exchange.pictures
    assert ["before", "ok", "你好"] == [message["content"] for message in server.bodies[0]["messages"]]
