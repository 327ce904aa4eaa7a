import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from structlog.testing import capture_logs

from adapters.wecom.client.api import Agent, WeComApi
from adapters.wecom.client.cache import Cache
from adapters.wecom.client.errors import MediaExpired
from pipeline.errors import TryAgain, Undeliverable
from pipeline.ports import Profile
from pipeline.settings import Menu
from tests.adapters.wecom.qyapi import SECRET, Act, Cut, Endless, Mute, Qyapi, body_of, refusal
from tests.hand_clock import HandClock

SENT = {"errcode": 0, "errmsg": "ok", "msgid": "msg-1"}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def cache(tmp_path: Path, clock: HandClock) -> AsyncIterator[Cache]:
    cache = Cache(tmp_path / "cache", clock=clock)
    yield cache
    await cache.aclose()


@pytest.fixture
async def qyapi() -> AsyncIterator[Qyapi]:
    async with Qyapi().served() as served:
        yield served


@pytest.fixture
async def api(qyapi: Qyapi, cache: Cache, clock: HandClock) -> AsyncIterator[WeComApi]:
    api = qyapi.api(cache, clock)
    yield api
    await api.aclose()


async def test_text_goes_as_wecom_wants_it(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("message/send", SENT)
    message_id = await api.send_text("zhangsan", "你好 👋\n")
    (request,) = qyapi.asked_for("message/send")

    assert message_id == "msg-1"
    assert body_of(request) == {
        "touser": "zhangsan",
        "msgtype": "text",
        "agentid": 1000002,
        "text": {"content": "你好 👋\n"},
        "enable_duplicate_check": 0,
    }
    assert "你好 👋".encode() in request.content
    assert b"\\u" not in request.content


async def test_markdown_and_media_go_under_their_own_names(api: WeComApi, qyapi: Qyapi) -> None:
    await api.send_markdown("zhangsan", "**hi**")
    for kind in ("image", "voice", "file"):
        await api.send_media("zhangsan", kind, "MEDIA")
    bodies = [body_of(request) for request in qyapi.asked_for("message/send")]

    assert [body["msgtype"] for body in bodies] == ["markdown", "image", "voice", "file"]
    assert bodies[0]["markdown"] == {"content": "**hi**"}
    assert bodies[1]["image"] == {"media_id": "MEDIA"}


async def test_half_a_surrogate_pair_is_sent_as_something_utf8_has(api: WeComApi, qyapi: Qyapi) -> None:
    await api.send_text("zhangsan", "a\ud800b")
    (request,) = qyapi.asked_for("message/send")

    assert body_of(request)["text"] == {"content": "a?b"}


@pytest.mark.parametrize("listed", ["ZHANGSAN", "zhangsan", "other|ZhangSan"])
async def test_a_success_that_did_not_reach_the_person_is_none(api: WeComApi, qyapi: Qyapi, listed: str) -> None:
    qyapi.say("message/send", {**SENT, "invaliduser": listed})

    with pytest.raises(Undeliverable, match="zhangSan"):
        await api.send_text("zhangSan", "hi")


async def test_a_person_without_a_licence_concerns_an_operator(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("message/send", {**SENT, "unlicenseduser": "zhangsan"})

    with pytest.raises(Undeliverable) as raised:
        await api.send_text("ZhangSan", "hi")

    assert raised.value.alert


async def test_others_who_are_invalid_do_not_matter(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("message/send", {**SENT, "invaliduser": "lisi", "unlicenseduser": ""})

    assert await api.send_text("zhangsan", "hi") == "msg-1"


@pytest.mark.parametrize("errcode", [40014, 42001, 40001])
async def test_a_stale_token_is_replaced_and_the_call_repeated(api: WeComApi, qyapi: Qyapi, errcode: int) -> None:
    qyapi.say("message/send", refusal(errcode), SENT)

    assert await api.send_text("zhangsan", "hi") == "msg-1"
    assert qyapi.tokens_used("message/send") == ["token-1", "token-2"]


@pytest.mark.parametrize(("errcode", "error"), [(40014, TryAgain), (42001, TryAgain), (40001, Undeliverable)])
async def test_a_fresh_token_that_is_refused_too_ends_the_matter(
    api: WeComApi, qyapi: Qyapi, errcode: int, error: type[Exception]
) -> None:
    qyapi.say("message/send", *[refusal(errcode)] * 5)

    with pytest.raises(error):
        await api.send_text("zhangsan", "hi")

    assert len(qyapi.asked_for("message/send")) == 2
    assert len(qyapi.asked_for("gettoken")) == 2


@pytest.mark.parametrize("same", [True, False])
async def test_many_calls_on_one_stale_token_fetch_one_new_one(
    api: WeComApi,
    qyapi: Qyapi,
    same: bool,  # noqa: FBT001
) -> None:
    qyapi.same_token = same
    qyapi.say("message/send", *[refusal(42001)] * 10, *[SENT] * 10)
    await asyncio.gather(*(api.send_text("zhangsan", f"{number}") for number in range(10)))

    assert len(qyapi.asked_for("gettoken")) == 2
    assert len(qyapi.asked_for("message/send")) == 20


async def test_a_download_refreshes_its_token_too(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("media/get", refusal(42001), httpx2.Response(200, content=b"\xff\xd8\xffpicture"))

    assert (await api.download("MEDIA")).data == b"\xff\xd8\xffpicture"
    assert qyapi.tokens_used("media/get") == ["token-1", "token-2"]


async def test_apps_do_not_share_a_token(api: WeComApi, qyapi: Qyapi, cache: Cache, clock: HandClock) -> None:
    await api.send_text("zhangsan", "hi")
    for other in (qyapi.api(cache, clock, secret="another"), qyapi.api(cache, clock, agent_id=7)):
        await other.send_text("zhangsan", "hi")
        await other.aclose()

    assert qyapi.tokens_used("message/send") == ["token-1", "token-2", "token-3"]


async def test_the_secret_is_no_part_of_what_is_kept(api: WeComApi, qyapi: Qyapi, tmp_path: Path) -> None:
    await api.send_text("zhangsan", "hi")
    (fetch,) = qyapi.asked_for("gettoken")

    assert f"corpid=wwcorp&corpsecret={SECRET}" == fetch.url.query.decode()
    assert SECRET.encode() not in contents_of(tmp_path)


async def test_a_wrong_secret_stops_and_is_not_hammered(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("gettoken", *[refusal(40001, "invalid credential")] * 5)
    raised = await asyncio.gather(*(api.send_text("zhangsan", "hi") for _ in range(5)), return_exceptions=True)

    assert len(qyapi.asked_for("gettoken")) == 1
    assert all(isinstance(error, Undeliverable) and error.alert for error in raised)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(httpx2.Response(500, text="oops"), id="HTTP 500"),
        pytest.param(httpx2.Response(502, json={"errcode": 0}), id="HTTP 502 with a good body"),
        pytest.param(httpx2.Response(429), id="HTTP 429"),
        pytest.param(httpx2.Response(407), id="a proxy that wants a password"),
        pytest.param(httpx2.Response(302, headers={"location": "https://x"}), id="a login page"),
        pytest.param(httpx2.Response(200, text="<html>"), id="HTML"),
        pytest.param(httpx2.Response(200, text=""), id="nothing"),
        pytest.param(httpx2.Response(200, text="[1]"), id="a list"),
        pytest.param(httpx2.Response(200, text="null"), id="null"),
        pytest.param(httpx2.Response(200, text='{"errcode": "x"}'), id="a code that is a word"),
        pytest.param(httpx2.Response(200, text='{"errcode": null}'), id="a code that is null"),
        pytest.param(httpx2.Response(200, text='{"errcode": 1e999}'), id="a code without end"),
        pytest.param(httpx2.Response(200, text="[" * 100000), id="a bomb"),
        pytest.param(Cut(), id="a connection cut"),
        pytest.param(Mute(), id="no answer"),
    ],
)
async def test_what_the_network_does_wrong_is_tried_again(api: WeComApi, qyapi: Qyapi, answer: Act) -> None:
    qyapi.say("message/send", answer)

    with pytest.raises(TryAgain) as raised:
        await api.send_text("zhangsan", "hi")

    assert raised.value.after >= 1
    assert "token-1" not in str(raised.value)


async def test_a_token_answer_without_a_token_is_tried_again(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("gettoken", {"errcode": 0, "errmsg": "ok"})

    with pytest.raises(TryAgain, match="access_token"):
        await api.send_text("zhangsan", "hi")


@pytest.mark.parametrize("lifetime", ["7200", None, 0, -1, 1.5])
async def test_an_odd_lifetime_is_the_usual_one(
    api: WeComApi, qyapi: Qyapi, clock: HandClock, lifetime: object
) -> None:
    qyapi.lifetime = lifetime
    await api.send_text("zhangsan", "hi")
    clock.now += 6000
    await api.send_text("zhangsan", "hi")

    assert len(qyapi.asked_for("gettoken")) == 1


async def test_a_refusal_is_logged_without_the_token(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("message/send", refusal(60020, "not allow, access_token=token-1, from ip: 203.0.113.7"))

    with capture_logs() as logs, pytest.raises(TryAgain):
        await api.send_text("zhangsan", "hi")

    assert logs == [
        {
            "event": "wecom_refused",
            "log_level": "warning",
            "api": "message/send",
            "errcode": 60020,
            "errmsg": "not allow, access_token=***, from ip: 203.0.113.7",
            "alert": True,
        }
    ]


async def test_an_upload_carries_a_raw_name_that_wecom_understands(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("media/upload", {"errcode": 0, "errmsg": "ok", "type": "file", "media_id": "M1", "created_at": "1"})
    media_id = await api.upload("file", b"content", name='../x/报告 "1"\r\nX: y.pdf', mime="application/pdf")
    (request,) = qyapi.asked_for("media/upload")
    boundary = re.fullmatch(r"multipart/form-data; boundary=(\S+)", request.headers["content-type"])
    assert boundary is not None

    assert media_id == "M1"
    assert "type=file" in request.url.query.decode()
    assert (
        request.content
        == (
            f"--{boundary[1]}\r\n"
            'Content-Disposition: form-data; name="media"; filename="报告 1X y.pdf"\r\n'
            "Content-Type: application/pdf\r\n\r\n"
            f"content\r\n--{boundary[1]}--\r\n"
        ).encode()
    )


@pytest.mark.parametrize(
    ("kind", "size"),
    [("file", 5), ("file", 0), ("image", 10 * 2**20 + 1), ("voice", 2 * 2**20 + 1), ("file", 20 * 2**20 + 1)],
)
async def test_a_file_wecom_would_refuse_is_not_sent(api: WeComApi, qyapi: Qyapi, kind: str, size: int) -> None:
    with pytest.raises(Undeliverable):
        await api.upload(kind, b"x" * size, name="x", mime="image/png")  # type: ignore[arg-type] # each is one

    assert qyapi.asked == []


async def test_an_upload_that_meets_a_stale_token_is_repeated_whole(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("media/upload", refusal(42001), {"errcode": 0, "media_id": "M1"})

    assert await api.upload("image", b"x" * 100, name="x.png", mime="image/png") == "M1"
    assert b"x" * 100 in qyapi.asked_for("media/upload")[1].content


async def test_a_download_gives_bytes_and_name(api: WeComApi, qyapi: Qyapi) -> None:
    headers = {"content-type": "image/jpeg", "content-disposition": 'attachment; filename="MEDIA_ID.jpg"'}
    qyapi.say("media/get", httpx2.Response(200, content=b"\xff\xd8\xff", headers=headers))
    downloaded = await api.download("MEDIA ID&x=1")
    (request,) = qyapi.asked_for("media/get")

    assert (b"\xff\xd8\xff", "MEDIA_ID.jpg") == (downloaded.data, downloaded.name)
    assert "media_id=MEDIA+ID%26x%3D1" in request.url.query.decode()


async def test_a_download_that_is_a_json_file_is_a_file(api: WeComApi, qyapi: Qyapi) -> None:
    headers = {"content-disposition": 'attachment; filename="a.json"'}
    qyapi.say("media/get", httpx2.Response(200, content=b'{"errcode": 5}', headers=headers))

    assert (await api.download("M")).data == b'{"errcode": 5}'


async def test_a_refused_download_is_an_error(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("media/get", refusal(40007, "invalid media_id"))

    with pytest.raises(MediaExpired):
        await api.download("M")


async def test_a_download_without_end_is_given_up(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("media/get", Endless())

    with pytest.raises(Undeliverable, match="more than"):
        await api.download("M")

    assert 20 * 2**20 <= qyapi.given < 30 * 2**20


async def test_a_member_is_looked_up(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("user/get", {"errcode": 0, "userid": "zhangsan", "name": "张三", "department": [1, 2], "status": 1})

    assert await api.user("zhangsan") == Profile("张三", (1, 2))


async def test_a_member_of_nothing_is_looked_up_too(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("user/get", {"errcode": 0, "department": "none"})

    assert await api.user("zhangsan") == Profile("", ())


async def test_the_app_is_looked_up(api: WeComApi, qyapi: Qyapi) -> None:
    qyapi.say("agent/get", {"errcode": 0, "name": "助手", "close": 0, "isreportenter": 1, "report_location_flag": 0})

    assert await api.agent() == Agent("助手", closed=False, reports_entering=True, reports_location=False)
    assert "agentid=1000002" in qyapi.asked_for("agent/get")[0].url.query.decode()


async def test_the_default_menu_is_made(api: WeComApi, qyapi: Qyapi) -> None:
    await api.create_menu(Menu().buttons)
    (request,) = qyapi.asked_for("menu/create")

    assert body_of(request) == {
        "button": [
            {
                "name": "快捷指令",
                "sub_button": [
                    {"type": "click", "name": "清除上下文", "key": "@clear"},
                    {"type": "click", "name": "导出", "key": "@export"},
                    {"type": "click", "name": "帮助", "key": "@help"},
                ],
            }
        ]
    }


async def test_a_menu_is_shown_and_deleted(api: WeComApi, qyapi: Qyapi) -> None:
    buttons = [{"type": "view", "name": "x", "url": "https://x"}]
    qyapi.say("menu/get", {"errcode": 0, "button": buttons}, refusal(46003, "menu no exist"), {"errcode": 0})

    assert await api.menu() == buttons
    assert await api.menu() == []
    assert await api.menu() == []
    await api.delete_menu()
    assert len(qyapi.asked_for("menu/delete")) == 1


async def test_a_message_is_recalled(api: WeComApi, qyapi: Qyapi) -> None:
    await api.recall("msg-1")

    assert body_of(qyapi.asked_for("message/recall")[0]) == {"msgid": "msg-1"}


def contents_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
