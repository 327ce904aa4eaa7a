"""Uploading and fetching media: types, sizes, forms of the body, names, three days."""

import httpx2
import pytest

from adapters.simulator.simulator import WeComSimulator
from tests.adapters.simulator.conftest import AGENT, Caller
from tests.hand_clock import HandClock

MB = 1024 * 1024
JPG = b"\xff\xd8\xff\xe0" + b"picture" * 10
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 10
# One frame of 12.2 kbit/s has 32 bytes and lasts 20 ms.
AMR = b"#!AMR\n" + (b"\x3c" + b"v" * 31) * 50
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"film" * 10


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        pytest.param("image", JPG, id="JPG"),
        pytest.param("image", PNG, id="PNG"),
        pytest.param("image", JPG + b"p" * (10 * MB - len(JPG)), id="a picture of 10 MB"),
        pytest.param("voice", AMR, id="AMR"),
        pytest.param("voice", b"#!AMR\n" + (b"\x3c" + b"v" * 31) * 3000, id="speech of 60 s"),
        pytest.param("video", MP4, id="MP4"),
        pytest.param("file", b"123456", id="six bytes of anything"),
    ],
)
async def test_what_is_uploaded_can_be_fetched(
    kind: str, data: bytes, caller: Caller, client: httpx2.AsyncClient, clock: HandClock
) -> None:
    answer = await caller.upload(kind, data)
    query = {"access_token": caller.token, "media_id": answer["media_id"]}
    fetched = await client.get("/cgi-bin/media/get", params=query)

    assert (0, kind, str(int(clock.now))) == (answer["errcode"], answer["type"], answer["created_at"])
    assert data == fetched.content


@pytest.mark.parametrize(
    ("kind", "data", "errcode"),
    [
        pytest.param("song", JPG, 40005, id="an unknown type"),
        pytest.param("", JPG, 40005, id="no type"),
        pytest.param("file", b"", 44001, id="nothing"),
        pytest.param("file", b"12345", 40006, id="five bytes"),
        pytest.param("file", b"f" * (20 * MB + 1), 40006, id="a file over 20 MB"),
        pytest.param("image", JPG + b"p" * 10 * MB, 40009, id="a picture over 10 MB"),
        pytest.param("image", b"GIF89a" + b"p" * 10, 40004, id="GIF"),
        pytest.param("video", MP4 + b"f" * 10 * MB, 40011, id="a film over 10 MB"),
        pytest.param("video", b"\x1aE\xdf\xa3" + b"f" * 10, 40004, id="a film that is no MP4"),
        pytest.param("voice", AMR + b"v" * 2 * MB, 40006, id="speech over 2 MB"),
        pytest.param("voice", b"ID3" + b"v" * 100, 301017, id="MP3"),
        pytest.param("voice", b"#!AMR\n" + (b"\x3c" + b"v" * 31) * 3001, 45007, id="speech over 60 s"),
    ],
)
async def test_an_upload_is_refused(kind: str, data: bytes, errcode: int, caller: Caller) -> None:
    assert errcode == (await caller.upload(kind, data))["errcode"]


@pytest.mark.parametrize(
    ("disposition", "errcode"),
    [
        pytest.param('form-data; name="media"; filename="报告.txt"; filelength=6', 0, id="a name in raw UTF-8"),
        pytest.param("form-data; name=\"media\"; filename*=UTF-8''a.txt", 44001, id="a name as RFC 2231 has it"),
        pytest.param('form-data; name="media"', 44001, id="no name"),
        pytest.param('form-data; name="file"; filename="a.txt"', 44001, id="a part with another name"),
    ],
)
async def test_a_body_is_read_as_narrowly_as_wecom_does(
    disposition: str, errcode: int, caller: Caller, client: httpx2.AsyncClient
) -> None:
    body = f"--b\r\nContent-Disposition: {disposition}\r\nContent-Type: text/plain\r\n\r\nmytext\r\n--b--\r\n"
    answer = await client.post(
        "/cgi-bin/media/upload",
        params={"access_token": caller.token, "type": "file"},
        content=body.encode(),
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )

    assert errcode == answer.json()["errcode"]


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data", "multipart/form-data; boundary=other"]
)
async def test_a_body_of_another_form_is_empty_media(
    content_type: str, caller: Caller, client: httpx2.AsyncClient
) -> None:
    answer = await client.post(
        "/cgi-bin/media/upload",
        params={"access_token": caller.token, "type": "file"},
        content=b"--b\r\nhello",
        headers={"Content-Type": content_type},
    )

    assert 44001 == answer.json()["errcode"]


async def test_line_breaks_at_the_end_of_a_file_are_kept(caller: Caller, wecom: WeComSimulator) -> None:
    answer = await caller.upload("file", b"\r\n\r\nhello\r\n\r\n")

    assert b"\r\n\r\nhello\r\n\r\n" == wecom.media(answer["media_id"], agent_id=AGENT).data


async def test_a_fetched_file_has_its_type_and_its_name_in_raw_utf8(caller: Caller, client: httpx2.AsyncClient) -> None:
    media_id = (await caller.upload("file", b"%PDF-1.7 hello", "报告.pdf"))["media_id"]
    fetched = await client.get("/cgi-bin/media/get", params={"access_token": caller.token, "media_id": media_id})
    disposition = dict(fetched.headers.raw)[b"content-disposition"]

    assert "application/pdf" == fetched.headers["content-type"]
    assert 'attachment; filename="报告.pdf"' == disposition.decode()


async def test_a_picture_from_a_phone_is_named_by_its_id(
    caller: Caller, client: httpx2.AsyncClient, wecom: WeComSimulator
) -> None:
    media_id = wecom.phone("zhangsan", agent_id=AGENT).put("image", PNG)
    fetched = await client.get("/cgi-bin/media/get", params={"access_token": caller.token, "media_id": media_id})

    assert f'attachment; filename="{media_id}.png"' == fetched.headers["content-disposition"]


@pytest.mark.parametrize(("query", "errcode"), [({}, 41006), ({"media_id": "made-up"}, 40007)])
async def test_media_that_is_not_there_is_an_error_in_json(query: dict[str, str], errcode: int, caller: Caller) -> None:
    assert errcode == (await caller.get("media/get", **query))["errcode"]


async def test_media_is_gone_after_three_days(caller: Caller, clock: HandClock) -> None:
    media_id = (await caller.upload("file", b"hello world"))["media_id"]
    clock.now += 3 * 24 * 3600
    await caller.login()

    assert 40007 == (await caller.get("media/get", media_id=media_id))["errcode"]
    assert 40007 == (await caller.send("file", media_id=media_id))["errcode"]


async def test_media_belongs_to_all_apps_of_a_corp(caller: Caller, other_caller: Caller) -> None:
    media_id = (await caller.upload("file", b"hello world"))["media_id"]

    assert 0 == (await other_caller.send("file", media_id=media_id))["errcode"]
