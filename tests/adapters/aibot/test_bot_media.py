"""Files of a bot's chats: what is fetched from where, decrypted, and sent in pieces."""

import base64
import json
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image as Picture

from adapters.aibot.bot_media import CHUNK_BYTES, LARGEST_FILE, decrypt, download, file_name, is_public, upload
from adapters.aibot.connection import BotConnection
from adapters.simulator.bots.bot_files import FILE_KEY, sealed_file
from pipeline.errors import TryAgain, Undeliverable
from pipeline.events import Image
from pipeline.replies import DocumentPart, FilePart, ImagePart, TextPart, VoicePart
from pipeline.supervision import SupervisedLoop
from tests.adapters.aibot.bot import connected_bot
from tests.fakes.ports import MemoryMedia
from tests.service import until

VECTORS = json.loads(Path("tests/wire/wecom_app/vectors.json").read_text(encoding="utf-8"))


def png() -> bytes:
    out = BytesIO()
    Picture.new("RGB", (8, 8), "red").save(out, "PNG")
    return out.getvalue()


def media_vectors() -> Iterator[tuple[dict[str, str], str]]:
    for vector in VECTORS["derived"]:
        if vector["kind"] == "media_aes":
            yield from ((vector, vector[name]) for name in ("aeskey_43", "aeskey_44"))


@pytest.mark.parametrize(("vector", "key"), list(media_vectors()))
def test_a_file_is_decrypted_as_tencent_says(vector: dict[str, str], key: str) -> None:
    plain = decrypt(base64.b64decode(vector["ciphertext_b64"]), key)

    assert base64.b64decode(vector["plaintext_b64"]) == plain


@pytest.mark.parametrize("size", [0, 1, 15, 16, 31, 32, 33])
def test_every_length_of_padding_is_taken_off(size: int) -> None:
    assert bytes(size) == decrypt(sealed_file(bytes(size)), FILE_KEY)


@pytest.mark.parametrize(
    ("data", "key", "reason"),
    [
        (b"", FILE_KEY, "whole AES blocks"),
        (b"x" * 17, FILE_KEY, "whole AES blocks"),
        (b"x" * 32, "", "without a usable key"),
        (b"x" * 32, "short", "without a usable key"),
        (b"x" * 32, "é" * 43, "without a usable key"),
        (b"x" * 32, FILE_KEY, "does not fit"),
    ],
    # The key is another one in each process, and names of tests must not be.
    ids=["empty", "half a block", "no key", "a short key", "letters beyond base64", "another key"],
)
def test_a_file_that_is_no_use_is_refused(data: bytes, key: str, reason: str) -> None:
    with pytest.raises(Undeliverable, match=reason):
        decrypt(data, key)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://example.com/a",
        "ftp://example.com/a",
        "file:///etc/passwd",
        "https://user:pass@example.com/a",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https://[::ffff:10.0.0.1]/a",
        "https://10.0.0.1/a",
        "https://169.254.169.254/latest",
        "https://0.0.0.0/a",
        "http://127.0.0.1:9/a",
        "https://[",
    ],
)
async def test_only_public_https_addresses_are_asked(url: str) -> None:
    with pytest.raises(Undeliverable):
        await download(url, FILE_KEY)


async def test_a_file_is_read_up_to_its_cap_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 100 * 1024 * 1024 == LARGEST_FILE
    monkeypatch.setattr("adapters.aibot.bot_media.LARGEST_FILE", 1000)

    async def serve(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        if request.path == "/whole":
            await answer.write(sealed_file(bytes(1000)))
            return answer
        # Nobody would read to the end of this one.
        with suppress(ConnectionError):
            while True:
                await answer.write(bytes(1000))
        return answer

    application = web.Application()
    application.router.add_get("/{name}", serve)
    async with TestServer(application) as server:
        whole, _ = await download(str(server.make_url("/whole")), FILE_KEY, local=True)
        with pytest.raises(Undeliverable, match="larger than 100 MB"):
            await download(str(server.make_url("/endless")), FILE_KEY, local=True)

    assert bytes(1000) == whole


async def test_a_name_that_leads_home_is_not_asked() -> None:
    with pytest.raises(TryAgain):
        await download("https://localhost/a", FILE_KEY)


def test_addresses_of_the_open_internet_are_told_from_others() -> None:
    assert [True, False, False, False] == [
        is_public(host) for host in ("8.8.8.8", "100.64.0.1", "fe80::1%eth0", "example.com")
    ]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf", "报告.pdf"),
        ('attachment; filename="a b.txt"', "a b.txt"),
        # As aiohttp reads bytes that stand in the header as they are.
        ('attachment; filename="报告.pdf"', "报告.pdf"),
        (f'attachment; filename="{"报告.pdf".encode("gbk").decode(errors="surrogateescape")}"', "报告.pdf"),
        ("attachment; filename*=UTF-8''%FF%00a.txt", "\ufffda.txt"),
        ("attachment; filename=a.txt; filename*=UTF-8''b.txt", "b.txt"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ("attachment; filename=..", ""),
        ("inline", ""),
    ],
)
def test_the_name_of_a_file_is_that_of_its_download(disposition: str, name: str) -> None:
    assert name == file_name(disposition)


async def test_a_picture_is_downloaded_when_it_comes_and_kept_in_the_clear() -> None:
    async with connected_bot() as bot:
        await bot.phone.send_image(png(), "红.png")
        event = await bot.accepted.get()
        assert isinstance(event.content, Image)
        # Its address is good for five minutes, and a turn may wait longer: nobody has asked for it yet.
        media = bot.channel._media  # noqa: SLF001 -- what a store was given
        assert isinstance(media, MemoryMedia)
        await until(lambda: media.files)
        stored = await bot.channel.fetch(event.content.media_id)

        assert 1 == len(media.files)
        assert ("image/png", "红.png", len(png())) == (stored.mime, stored.name, stored.size)


async def test_files_are_sent_in_pieces_as_messages_and_the_bubble_says_so() -> None:
    large = bytes(range(256)) * 4096
    async with connected_bot() as bot:
        event = await bot.asked()
        media = bot.channel._media  # noqa: SLF001 -- what a store was given
        picture = await media.keep(png(), mime="image/png", name="a.png")
        file = await media.keep(large, mime="application/pdf", name="报告.pdf")
        for part in (ImagePart(picture), FilePart(file), FilePart(file), DocumentPart("a.md", "# long text")):
            await bot.channel.reply(event, part)
        await bot.channel.reply(event, TextPart("there", "markdown"))
        bubble, *shown = await bot.phone.messages(count=6)

    assert "The file is in the next message" in bubble.text
    assert ["image", "file", "file", "file", "markdown"] == [message.type for message in shown]
    assert ["a.png", "报告.pdf", "报告.pdf", "a.md"] == [message.media.name for message in shown if message.media]
    assert 3 == bot.server.frames["aibot_upload_media_init"]
    assert 1 + 2 + 1 == bot.server.frames["aibot_upload_media_chunk"]


async def test_a_voice_is_sent_as_a_voice() -> None:
    voice = b"#!AMR\n" + bytes([4, *bytes(12)]) * 50
    async with connected_bot() as bot:
        event = await bot.asked()
        media = await bot.channel._media.keep(voice, mime="audio/amr", name="a.amr")  # noqa: SLF001 -- what a store was given
        await bot.channel.reply(event, VoicePart(media))
        _, shown = await bot.phone.messages(count=2)

    assert shown.media is not None
    assert "voice" == shown.type


@pytest.mark.parametrize(("refusals", "arrives"), [(1, True), (2, True), (3, False)])
async def test_a_piece_that_is_refused_is_sent_again_twice(refusals: int, *, arrives: bool) -> None:
    pieces: list[int] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=2 * CHUNK_BYTES)
        await socket.prepare(request)
        async for message in socket:
            asked = json.loads(message.data)
            errcode = 0
            if asked["cmd"] == "aibot_upload_media_chunk":
                pieces.append(asked["body"]["chunk_index"])
                errcode = -1 if pieces.count(1) in range(1, refusals + 1) and pieces[-1] == 1 else 0
            body = {"upload_id": "u", "media_id": "m"}
            await socket.send_json({"headers": asked["headers"], "errcode": errcode, "body": body})
        return socket

    application = web.Application()
    application.router.add_get("/", serve)
    async with TestServer(application) as server:
        url = str(server.make_url("/"))
        connection = BotConnection("bot", url, bot_id="b", secret="s", on_callback=lambda _: None)
        loop = SupervisedLoop("bot", connection.run)
        loop.start()
        try:
            await connection.subscribed(30)
            with nullcontext() if arrives else pytest.raises(TryAgain):
                assert "m" == await upload(connection, "file", bytes(2 * CHUNK_BYTES + 1), "a.bin")
        finally:
            await loop.stop()

    assert [0, *[1] * min(refusals + 1, 3), *([2] if arrives else [])] == pieces


async def test_a_file_too_large_is_refused_without_being_sent() -> None:
    async with connected_bot() as bot:
        event = await bot.asked()
        with pytest.raises(Undeliverable, match="takes no file of"):
            await bot.channel.reply(event, DocumentPart("a.md", "x" * (21 * 1024 * 1024)))
