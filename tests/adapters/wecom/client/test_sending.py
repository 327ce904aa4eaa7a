from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from adapters.wecom.channel import WeComApp
from adapters.wecom.client.cache import Cache
from adapters.wecom.client.errors import MediaExpired
from pipeline.errors import TryAgain, Undeliverable
from pipeline.events import Person
from pipeline.ports import Profile
from pipeline.replies import DocumentPart, FilePart, ImagePart, Part, Receipt, StoredMedia, TextPart, VoicePart
from tests.adapters.wecom.application import ZHANGSAN, app_of
from tests.adapters.wecom.qyapi import Qyapi, body_of, refusal
from tests.fakes.ports import FakeSendLimiter, MemoryMedia
from tests.hand_clock import HandClock

PICTURE = b"\x89PNG\r\n\x1a\n" + b"p" * 100


@pytest.fixture
async def qyapi() -> AsyncIterator[Qyapi]:
    async with Qyapi().served() as served:
        yield served


@pytest.fixture
def limiter() -> FakeSendLimiter:
    return FakeSendLimiter()


@pytest.fixture
def media() -> MemoryMedia:
    return MemoryMedia()


@pytest.fixture
async def cache(tmp_path: Path) -> AsyncIterator[Cache]:
    cache = Cache(tmp_path / "cache", clock=HandClock())
    yield cache
    await cache.aclose()


@pytest.fixture
async def app(qyapi: Qyapi, cache: Cache, limiter: FakeSendLimiter, media: MemoryMedia) -> AsyncIterator[WeComApp]:
    app = app_of(qyapi, cache, limiter=limiter, media=media)
    yield app
    await app.aclose()


async def test_words_are_sent_in_their_format_after_the_governor_agrees(
    app: WeComApp, qyapi: Qyapi, limiter: FakeSendLimiter
) -> None:
    qyapi.say("message/send", {"errcode": 0, "msgid": "m1"}, {"errcode": 0, "msgid": "m2"})
    receipts = [
        await app.send(ZHANGSAN, TextPart("**hi**", "markdown")),
        await app.send(ZHANGSAN, TextPart("hi", "text")),
    ]

    assert receipts == [Receipt("m1"), Receipt("m2")]
    assert [body_of(request)["msgtype"] for request in qyapi.asked_for("message/send")] == ["markdown", "text"]
    assert limiter.admitted == [ZHANGSAN, ZHANGSAN]


@pytest.mark.parametrize("part", [TextPart("hi", "text"), DocumentPart("a.md", "content")])
async def test_nothing_is_sent_while_the_governor_refuses(
    app: WeComApp, qyapi: Qyapi, limiter: FakeSendLimiter, part: Part
) -> None:
    limiter.closed = True

    with pytest.raises(TryAgain):
        await app.send(ZHANGSAN, part)

    assert qyapi.asked == []


async def test_a_picture_is_uploaded_once_and_sent_twice(app: WeComApp, qyapi: Qyapi, media: MemoryMedia) -> None:
    qyapi.say("media/upload", {"errcode": 0, "media_id": "M1"})
    part = ImagePart(await media.keep(PICTURE, mime="image/png", name="cat.png"))
    await app.send(ZHANGSAN, part)
    await app.send(Person("wecom", "lisi"), part)

    assert len(qyapi.asked_for("media/upload")) == 1
    assert [body_of(request)["image"] for request in qyapi.asked_for("message/send")] == [{"media_id": "M1"}] * 2
    assert PICTURE in qyapi.asked_for("media/upload")[0].content


async def test_an_upload_outlives_the_process(qyapi: Qyapi, media: MemoryMedia, tmp_path: Path) -> None:
    qyapi.say("media/upload", {"errcode": 0, "media_id": "M1"})
    part = ImagePart(await media.keep(PICTURE, mime="image/png", name="cat.png"))
    for _ in range(2):
        app = app_of(qyapi, Cache(tmp_path / "shared", clock=HandClock()), media=media)
        await app.send(ZHANGSAN, part)
        await app.aclose()

    assert len(qyapi.asked_for("media/upload")) == 1
    assert len(qyapi.asked_for("gettoken")) == 1


async def test_the_same_file_under_another_name_is_another_upload(
    app: WeComApp, qyapi: Qyapi, media: MemoryMedia
) -> None:
    qyapi.say("media/upload", {"errcode": 0, "media_id": "M1"}, {"errcode": 0, "media_id": "M2"})
    for name in ("one.pdf", "two.pdf"):
        await app.send(ZHANGSAN, FilePart(await media.keep(b"%PDF-1.7", mime="application/pdf", name=name)))

    assert [body_of(request)["file"]["media_id"] for request in qyapi.asked_for("message/send")] == ["M1", "M2"]


@pytest.mark.parametrize("uploaded_before", [True, False])
async def test_an_expired_media_id_is_uploaded_again_once(
    app: WeComApp,
    qyapi: Qyapi,
    media: MemoryMedia,
    uploaded_before: bool,  # noqa: FBT001
) -> None:
    part = ImagePart(await media.keep(PICTURE, mime="image/png", name="cat.png"))
    uploads = [{"errcode": 0, "media_id": f"M{number}"} for number in range(1, 4)]
    qyapi.say("media/upload", *uploads)
    if uploaded_before:
        await app.send(ZHANGSAN, part)
    qyapi.say("message/send", refusal(40007, "invalid media_id"), {"errcode": 0, "msgid": "m1"})

    assert await app.send(ZHANGSAN, part) == Receipt("m1")
    assert len(qyapi.asked_for("media/upload")) == 2
    assert body_of(qyapi.asked_for("message/send")[-1])["image"] == {"media_id": "M2"}


async def test_a_media_id_refused_twice_is_given_up(app: WeComApp, qyapi: Qyapi, media: MemoryMedia) -> None:
    part = ImagePart(await media.keep(PICTURE, mime="image/png", name="cat.png"))
    qyapi.say("media/upload", *[{"errcode": 0, "media_id": "M"}] * 5)
    qyapi.say("message/send", *[refusal(40007)] * 5)

    with pytest.raises(MediaExpired):
        await app.send(ZHANGSAN, part)

    assert len(qyapi.asked_for("message/send")) == 2


@pytest.mark.parametrize(
    ("part_of", "mime", "size", "sent_as"),
    [
        pytest.param(ImagePart, "image/jpeg", 100, "image", id="a picture"),
        pytest.param(ImagePart, "image/webp", 100, "file", id="a picture of a kind WeCom does not show"),
        pytest.param(ImagePart, "image/png", 10 * 2**20 + 1, "file", id="a picture over 10 MB"),
        pytest.param(VoicePart, "audio/amr", 100, "voice", id="speech"),
        pytest.param(VoicePart, "audio/mpeg", 100, "file", id="speech of a kind WeCom does not play"),
        pytest.param(FilePart, "image/png", 100, "file", id="a picture meant as a file"),
    ],
)
async def test_media_wecom_does_not_take_as_such_go_as_files(
    app: WeComApp,
    qyapi: Qyapi,
    media: MemoryMedia,
    part_of: type[ImagePart | VoicePart | FilePart],
    mime: str,
    size: int,
    sent_as: str,
) -> None:
    qyapi.say("media/upload", {"errcode": 0, "media_id": "M"})
    await app.send(ZHANGSAN, part_of(await media.keep(b"x" * size, mime=mime, name="x")))

    assert body_of(qyapi.asked_for("message/send")[0])["msgtype"] == sent_as


async def test_a_file_too_large_for_wecom_is_undeliverable(app: WeComApp, qyapi: Qyapi, media: MemoryMedia) -> None:
    kept = await media.keep(b"x" * (20 * 2**20 + 1), mime="application/zip", name="x.zip")

    with pytest.raises(Undeliverable, match="20 MB"):
        await app.send(ZHANGSAN, FilePart(kept))

    assert qyapi.asked == []


async def test_a_document_is_sent_as_a_file_of_its_text(app: WeComApp, qyapi: Qyapi) -> None:
    qyapi.say("media/upload", {"errcode": 0, "media_id": "M"})
    await app.send(ZHANGSAN, DocumentPart("回答.md", "# 全文\n……\ud800"))
    (upload,) = qyapi.asked_for("media/upload")

    assert 'filename="回答.md"'.encode() in upload.content
    assert "# 全文\n……?".encode() in upload.content
    assert body_of(qyapi.asked_for("message/send")[0])["file"] == {"media_id": "M"}


@pytest.mark.parametrize(
    ("data", "disposition", "mime", "name"),
    [
        (b"\xff\xd8\xff\xe0", 'attachment; filename="ID.jpg"', "image/jpeg", "ID.jpg"),
        (PICTURE, "", "image/png", "image.png"),
        (b"#!AMR\n\x3c", 'attachment; filename="../../x.amr"', "audio/amr", "x.amr"),
        (b"\x00\x00\x00\x18ftypmp42", "", "video/mp4", "video.mp4"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8", "", "image/webp", "image.webp"),
        (b"whatever", "", "application/octet-stream", "file"),
    ],
)
async def test_what_a_person_sent_is_fetched_and_known_by_its_bytes(
    app: WeComApp, qyapi: Qyapi, media: MemoryMedia, data: bytes, disposition: str, mime: str, name: str
) -> None:
    headers = {"content-type": "text/html"} | ({"content-disposition": disposition} if disposition else {})
    qyapi.say("media/get", httpx2.Response(200, content=data, headers=headers))
    stored = await app.fetch("M1")

    assert stored == StoredMedia(sha256(data).hexdigest(), mime, name, len(data))
    assert media.files[stored.sha256] == data


async def test_a_person_is_looked_up_once(app: WeComApp, qyapi: Qyapi) -> None:
    qyapi.say("user/get", {"errcode": 0, "name": "张三", "department": [1, 2]})
    profiles = [await app.profile(ZHANGSAN), await app.profile(Person("wecom", "ZhangSan"))]

    assert profiles == [Profile("张三", (1, 2))] * 2
    assert len(qyapi.asked_for("user/get")) == 1
