"""The main job, whole: somebody writes in WeCom and is answered — once, in order, whole."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pymupdf
import pytest
import structlog

from adapters.simulator.faults import Errcode, HttpStatus, Repeat
from storage.monitoring.views import list_turns
from tests.fakes.openai_server import Fails, Held, OpenAIServer, Says
from tests.service import RunningService, running_service

UNSIGNED = {"msg_signature": "0" * 40, "timestamp": "1", "nonce": "1"}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        yield opened


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


def answered_by(model: OpenAIServer, **more: str) -> dict[str, str]:
    return {
        "WEBOT_MODELS__DEFAULT__BASE_URL": model.base_url,
        "WEBOT_MODELS__DEFAULT__API_KEY": "sk-test-0123456789",
        "WEBOT_MODELS__DEFAULT__MODEL": "test-model",
        **more,
    }


async def test_a_message_is_answered_through_the_encrypted_path(service: RunningService) -> None:
    phone = service.phone()
    posting = await phone.say("你好")
    (text,) = await phone.texts(count=1)

    assert posting.accepted
    assert 1 == posting.tries
    assert "你好" in text


async def test_a_callback_delivered_three_times_is_answered_once(service: RunningService) -> None:
    service.simulator.add_fault(Repeat(3))
    phone = service.phone()
    await phone.say("只说一次")
    await phone.say("第二句")
    texts = await phone.texts(count=2)

    assert 2 == len(texts)
    assert ["只说一次" in texts[0], "第二句" in texts[1]] == [True, True]


async def test_answers_come_in_the_order_of_the_questions(service: RunningService) -> None:
    phone = service.phone()
    for number in range(8):
        await phone.say(f"第{number}句")
    texts = await phone.texts(count=8)

    assert [f"第{number}句" in text for number, text in enumerate(texts)] == [True] * 8


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param("@help", "@clear", id="help lists the commands"),
        pytest.param("@帮助", "@clear", id="a Chinese alias is the same command"),
        pytest.param("@helpme", "@helpme", id="an unknown word is only text"),
        pytest.param("@stop", "没有", id="there is nothing to stop"),
    ],
)
async def test_a_command_from_the_keyboard(service: RunningService, said: str, expected: str) -> None:
    phone = service.phone()
    await phone.say(said)
    texts = await phone.texts(count=1)

    assert expected in texts[0]


async def test_a_menu_click_is_the_command_its_key_names(service: RunningService) -> None:
    phone = service.phone()
    await phone.click("@help")
    texts = await phone.texts(count=1)

    assert "@clear" in texts[0]


async def test_a_location_and_a_link_reach_the_model_as_words(tmp_path: Path, model: OpenAIServer) -> None:
    async with running_service(tmp_path, answered_by(model)) as service:
        phone = service.phone()
        await phone.send_location(23.134, 113.358, "广州市海珠区")
        await phone.send_link("标题", "https://example.com/a", "简介")
        await phone.texts(count=2)
        asked = [body["messages"][-1]["content"] for body in model.bodies]

        assert "广州市海珠区" in asked[0]
        assert "https://example.com/a" in asked[1]


async def test_the_model_sees_exactly_the_turns_of_the_window(tmp_path: Path, model: OpenAIServer) -> None:
    async with running_service(tmp_path, answered_by(model, WEBOT_CHAT__TURNS="2")) as service:
        phone = service.phone()
        for number in range(5):
            await phone.say(f"问{number}")
            await phone.texts(count=number + 1)
        seen = [message["content"] for message in model.bodies[-1]["messages"] if message["role"] == "user"]

        assert ["问2", "问3", "问4"] == seen


async def test_clear_ends_the_conversation_and_the_persona(tmp_path: Path, model: OpenAIServer) -> None:
    async with running_service(tmp_path, answered_by(model)) as service:
        phone = service.phone()
        for count, said in enumerate(["@prompt-set 你是海盗", "你好", "@clear", "还在吗"], start=1):
            await phone.say(said)
            await phone.texts(count=count)
        before, after = (json.dumps(body["messages"], ensure_ascii=False) for body in model.bodies)

        assert "你是海盗" in before
        assert "你是海盗" not in after
        assert "你好" not in after


async def test_stop_cancels_the_answer_being_made_and_what_waits_goes_on(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Held(asyncio.Event(), Says("太晚了")), Says("第二个回答"))
    async with running_service(tmp_path, answered_by(model)) as service:
        phone = service.phone()
        await phone.say("写一本书")
        await model.until(lambda: len(model.bodies) == 1)
        await phone.say("第二个问题")
        await phone.say("@stop")
        texts = await phone.texts(count=2)

        assert {"第二个回答"} < set(texts)
        assert "太晚了" not in "".join(texts)


async def test_while_an_answer_takes_long_one_word_goes_out(tmp_path: Path, model: OpenAIServer) -> None:
    thought = asyncio.Event()
    model.script(Held(thought, Says("想好了")))
    async with running_service(tmp_path, answered_by(model, WEBOT_CHAT__THINKING_SECONDS="0.05")) as service:
        phone = service.phone()
        await phone.say("难题")
        first = await phone.texts(count=1)
        thought.set()
        both = await phone.texts(count=2)

        assert ["仍在思考，请稍候……"] == first
        assert "想好了" == both[1]


async def test_a_provider_that_fails_becomes_an_honest_sentence_and_stays_visible(
    tmp_path: Path, model: OpenAIServer
) -> None:
    model.script(*[Fails(401)] * 9)
    async with running_service(tmp_path, answered_by(model)) as service:
        phone = service.phone()
        await phone.say("你好")
        (text,) = await phone.texts(count=1)
        await phone.say("@help")
        await phone.texts(count=2)
        failed = await list_turns(service.service.database, "failed")

        assert "sk-test" not in text
        assert str(failed[0].id) in text
        assert ["failed"] == [view.state for view in failed]


async def test_a_long_answer_arrives_in_pieces_that_are_not_cut(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Says("很长的回答。😀" * 300))
    async with running_service(tmp_path, answered_by(model)) as service:
        phone = service.phone()
        await phone.say("讲讲")
        pieces = await phone.messages(count=4)

        assert all(piece.text == piece.sent for piece in pieces)
        assert 300 == sum(piece.text.count("😀") for piece in pieces)


async def test_a_person_chooses_plain_text_and_keeps_it(service: RunningService) -> None:
    phone = service.phone()
    for line in ("@纯文本", "你好", "@rich", "你好"):
        await phone.say(line)
    messages = await phone.messages(count=4)

    assert ["text", "text", "markdown", "markdown"] == [message.type for message in messages]


async def test_a_very_long_answer_is_its_first_piece_and_the_whole_as_a_file(
    tmp_path: Path, model: OpenAIServer
) -> None:
    whole = ("一二三四五六七八九十。" * 30 + "\n\n") * 60
    model.script(Says(whole))
    async with running_service(tmp_path, answered_by(model)) as service:
        phone = service.phone()
        await phone.say("讲讲")
        messages = await phone.messages(count=2, within=60)
        media = messages[1].media
        assert media is not None
        file = service.simulator.media(media.media_id)

    with pymupdf.open(stream=file.data) as pages:
        text = "".join(page.get_text() for page in pages)
    assert "file" == messages[1].type
    assert media.name.startswith("讲讲 ")
    assert media.name.endswith(".pdf")
    assert whole.count("十") == text.count("十")


@pytest.mark.parametrize("fault", [Errcode(-1), HttpStatus(500), Errcode(42001)], ids=["busy", "HTTP 500", "expired"])
async def test_a_send_that_fails_is_sent_again(service: RunningService, fault: Errcode | HttpStatus) -> None:
    service.simulator.add_fault(fault, route="message/send", calls=1)
    phone = service.phone()
    await phone.say("你好")
    texts = await phone.texts(count=1)

    assert 1 == len(texts)


async def test_a_kind_that_cannot_be_used_is_told_so(service: RunningService) -> None:
    phone = service.phone()
    await phone.send_video(b"\x00\x00\x00\x18ftypmp42 film")
    texts = await phone.texts(count=1)

    assert texts[0]


async def test_somebody_who_is_not_allowed_is_told_so(tmp_path: Path) -> None:
    async with running_service(tmp_path, {"WEBOT_LIMITS__USERS": '["lisi"]'}) as service:
        stranger, lisi = service.phone("zhangsan"), service.phone("LiSi")
        await stranger.say("你好")
        await lisi.say("你好")

        assert "权限" in (await stranger.texts(count=1))[0]
        assert "权限" not in (await lisi.texts(count=1))[0]


async def test_too_many_messages_in_a_minute_are_refused_once(tmp_path: Path) -> None:
    async with running_service(tmp_path, {"WEBOT_LIMITS__PER_USER_PER_MINUTE": "2"}) as service:
        phone = service.phone()
        for number in range(5):
            await phone.say(f"{number}")
        texts = await phone.texts(count=3)

        assert 3 == len(texts)
        assert "2" in texts[2]


async def test_words_and_secrets_stay_out_of_the_log(service: RunningService) -> None:
    with structlog.testing.capture_logs() as logged:
        phone = service.phone()
        await phone.say("绝密的话")
        await phone.texts(count=1)
        app = phone.app

    assert "绝密" not in repr(logged)
    assert app.secret not in repr(logged)


async def test_two_apps_answer_each_on_its_own_path(tmp_path: Path) -> None:
    (tmp_path / "settings.local.toml").write_text('[channels.hr]\npath = "/hr"\n', encoding="utf-8")
    async with running_service(tmp_path) as service:
        first, second = (
            service.phone("zhangsan", agent_id=app.agent_id) for app in service.simulator.platform.apps.values()
        )
        await first.say("一号")
        await second.say("二号")

        assert "一号" in (await first.texts(count=1))[0]
        assert "二号" in (await second.texts(count=1))[0]


@pytest.mark.parametrize(
    ("body", "query", "status"),
    [
        pytest.param(b"", {}, 400, id="nothing at all"),
        pytest.param(
            b"<xml><Encrypt>x</Encrypt></xml>",
            {"msg_signature": "0" * 40, "timestamp": "1", "nonce": "1"},
            403,
            id="a wrong signature",
        ),
        pytest.param(b"x" * 70_000, {}, 413, id="a body over 64 KiB"),
    ],
)
async def test_what_does_not_verify_is_refused_without_a_word(
    service: RunningService, body: bytes, query: dict[str, str], status: int
) -> None:
    answer = await service.http.post("/gpt", content=body, params=query)

    assert status == answer.status_code
    assert "" == answer.text


async def test_a_method_that_wecom_does_not_call_with_is_told_which_it_may(service: RunningService) -> None:
    answer = await service.http.put("/gpt", content=b"x")

    assert (405, "GET, POST", "") == (answer.status_code, answer.headers["allow"], answer.text)


async def test_the_counts_are_told_as_plain_text_of_one_charset(service: RunningService) -> None:
    content_type = (await service.http.get("/metrics")).headers["content-type"].split("; ")

    assert ["text/plain", "charset=utf-8"] == [content_type[0], content_type[-1]]
    assert 1 == sum(part.startswith("charset=") for part in content_type)


async def test_the_url_is_verified_as_wecom_does_when_it_is_saved(service: RunningService) -> None:
    assert (await service.simulator.verify_url()).ok


async def test_health_is_told(service: RunningService) -> None:
    assert "pong" == (await service.http.get("/test")).text
    assert 200 == (await service.http.get("/healthz")).status_code
    ready = dict.fromkeys(("database", "files", "worker", "loops", "settings", "schema"), "ok")
    assert ready == (await service.http.get("/readyz")).json()
    assert "webot_turns" in (await service.http.get("/metrics")).text


async def test_a_database_that_is_away_is_named_as_not_ready_and_comes_back(
    tmp_path: Path, postgres_server: str, postgres_url: str
) -> None:
    name = urlsplit(postgres_url).path[1:]
    server = await asyncpg.connect(host=postgres_server, user="postgres", database="postgres")
    async with running_service(tmp_path, {"WEBOT_STORAGE__DATABASE_URL": postgres_url}) as service:
        await server.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
        await server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        away = await service.http.get("/readyz")
        alive = await service.http.get("/healthz")
        await server.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
        # What was under way while the database was away may still answer the first question after it.
        async with asyncio.timeout(60):
            while not (back := await service.http.get("/readyz")).is_success:  # noqa: ASYNC110 -- it is in the server
                await asyncio.sleep(0.05)
    await server.close()

    assert (503, 200) == (away.status_code, alive.status_code)
    assert ["a test write failed", "ok"] == [away.json()["database"].split(":")[0], back.json()["database"]]


async def test_a_service_that_is_stopped_answers_the_rest_when_it_starts_again(
    tmp_path: Path, model: OpenAIServer
) -> None:
    model.script(Held(asyncio.Event(), Says("不会说")), Says("又见面了"))
    settings = answered_by(model, WEBOT_LIMITS__DRAIN_SECONDS="0")
    async with running_service(tmp_path, settings) as service:
        await service.phone().say("你好")
        await model.until(lambda: len(model.bodies) == 1)
    async with running_service(tmp_path, settings) as service:
        texts = await service.phone().texts(count=1)

        assert ["又见面了"] == texts


async def test_two_hundred_people_at_once_are_all_answered(service: RunningService) -> None:
    phones = [service.phone(f"user{number}") for number in range(200)]
    await asyncio.gather(*(phone.say("你好") for phone in phones))
    texts = await asyncio.gather(*(phone.texts(count=1, within=30) for phone in phones))

    assert 200 == sum(len(one) for one in texts)
