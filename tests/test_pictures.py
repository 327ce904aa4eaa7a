"""Pictures and voices, whole: through the encrypted callback in, as uploaded files out."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.text.i18n import Catalogue
from storage.media.audio import StoredAudio
from storage.media.files import MediaFolder
from tests.fakes.openai_media import HEARD, RED
from tests.fakes.openai_server import Fails, OpenAIServer, Says
from tests.fakes.recordings import amr_seconds, picture, size_of, tone, wave_head, webp_claiming
from tests.service import RunningService, running_service

ZH = Catalogue("zh")


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


def set_up(model: OpenAIServer, **more: str) -> dict[str, str]:
    """Give the environment in which one server answers, draws and listens."""
    tables = ("DEFAULT", "IMAGE", "SPEECH")
    return {
        **{f"WEBOT_MODELS__{table}__BASE_URL": model.base_url for table in tables},
        **{f"WEBOT_MODELS__{table}__MODEL": f"test-{table.lower()}" for table in tables},
        **{f"WEBOT_MODELS__{table}__MAX_RETRIES": "0" for table in tables},
        **more,
    }


def shown(service: RunningService, media_id: str) -> bytes:
    return service.simulator.media(media_id).data


async def test_the_demo_draws_at_once_without_any_key(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        phone = service.phone()
        await phone.say("@image 320x240 一只黑猫")
        drawn, words = await phone.messages(count=2)
        assert drawn.media is not None
        data = shown(service, drawn.media.media_id)

    assert ("image", "image/png") == (drawn.type, drawn.media.mime)
    assert ("PNG", 320, 240) == size_of(data)
    assert ZH.text("image.demo") == words.sent


async def test_a_drawn_picture_arrives_after_one_notice(tmp_path: Path, model: OpenAIServer) -> None:
    async with running_service(tmp_path, set_up(model)) as service:
        phone = service.phone()
        await phone.say("@image 一只黑猫")
        notice, drawn = await phone.messages(count=2)
        assert drawn.media is not None
        data = shown(service, drawn.media.media_id)
        await phone.say("@history")
        *_, history = await phone.texts(count=3)

    assert ZH.text("image.drawing") == notice.sent
    assert RED == data
    assert "@image 一只黑猫" in history


async def test_a_drawn_picture_is_not_in_what_the_model_sees_next(tmp_path: Path, model: OpenAIServer) -> None:
    async with running_service(tmp_path, set_up(model)) as service:
        phone = service.phone()
        await phone.say("第一句")
        await phone.messages(count=1)
        await phone.say("@image 一只黑猫")
        await phone.messages(count=3)
        await phone.say("第二句")
        await phone.messages(count=4)

    questions = [message["content"] for message in model.bodies[-1]["messages"] if message["role"] == "user"]
    assert ["第一句", "第二句"] == questions


async def test_a_refusal_by_the_providers_policy_is_a_clear_sentence(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Fails(400, code="moderation_blocked"))
    async with running_service(tmp_path, set_up(model)) as service:
        phone = service.phone()
        await phone.say("@image 不好的东西")
        _, said = await phone.texts(count=2)

    assert said.startswith("抱歉，画图服务以内容安全为由没有画（编号 ")


async def test_a_picture_and_the_question_after_it_are_one(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Says("一片红色"), Says("不客气"))
    async with running_service(tmp_path, set_up(model, WEBOT_MODELS__DEFAULT__VISION="true")) as service:
        phone = service.phone()
        await phone.send_image(picture("JPEG", 3000, 2000))
        (taken,) = await phone.texts(count=1)
        await phone.say("这是什么")
        await phone.texts(count=2)
        await phone.say("谢谢")
        await phone.texts(count=3)

    first, second = (body["messages"] for body in model.bodies)
    assert ZH.text("picture.taken") == taken
    assert ["image_url", "text"] == [part["type"] for part in first[-1]["content"]]
    # Shown again with the message it came with, and waiting for no other.
    assert "谢谢" == second[-1]["content"]
    assert ["image_url", "text"] == [part["type"] for part in second[-3]["content"]]


async def test_a_picture_waits_through_a_restart(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Says("一片红色"))
    environ = set_up(model, WEBOT_MODELS__DEFAULT__VISION="true")
    async with running_service(tmp_path, environ) as service:
        await service.phone().send_image(picture("PNG"))
        await service.phone().texts(count=1)
    async with running_service(tmp_path, environ) as service:
        await service.phone().say("这是什么")
        await service.phone().texts(count=1)

    assert ["image_url", "text"] == [part["type"] for part in model.bodies[0]["messages"][-1]["content"]]


async def test_a_model_that_cannot_see_says_so(tmp_path: Path, model: OpenAIServer) -> None:
    async with running_service(tmp_path, set_up(model)) as service:
        phone = service.phone()
        await phone.send_image(picture("PNG"))

        assert [ZH.text("picture.blind")] == await phone.texts(count=1)


async def test_a_voice_message_is_understood_and_answered_with_one(tmp_path: Path, model: OpenAIServer) -> None:
    chains = tmp_path / "data" / "chains"
    chains.mkdir(parents=True)
    (chains / "default.toml").write_text('spoken = "to_voice"\n', encoding="utf-8")
    async with running_service(tmp_path, set_up(model, WEBOT_MODELS__SPEECH__SPEAKING_MODEL="test-voice")) as service:
        phone = service.phone()
        await phone.send_voice(await spoken(tmp_path))
        words, voice = await phone.messages(count=2)
        assert voice.media is not None
        played = amr_seconds(shown(service, voice.media.media_id))

    assert f"> 🎤 {HEARD}\n\necho: {HEARD}" == words.sent
    assert voice.type == "voice"
    assert pytest.approx(1.0, abs=0.05) == played


async def test_two_hostile_pictures_at_once_are_refused_in_a_sentence_each(tmp_path: Path, model: OpenAIServer) -> None:
    async with running_service(tmp_path, set_up(model, WEBOT_MODELS__DEFAULT__VISION="true")) as service:
        phones = [service.phone("eve"), service.phone("mallory")]
        await asyncio.gather(*(phone.send_image(webp_claiming(8000, 8000)) for phone in phones))

        for phone in phones:
            assert [ZH.text("picture.too_large", most=16)] == await phone.texts(count=1)


async def test_a_voice_message_is_answered_beside_hostile_ones(tmp_path: Path, model: OpenAIServer) -> None:
    sdp = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 52101 RTP/AVP 0\n"
    async with running_service(tmp_path, set_up(model)) as service:
        eve, phone = service.phone("eve"), service.phone()
        for hostile in (b"ffconcat version 1.0\nfile data/other.wav\n", sdp, wave_head(channels=65_535)):
            await eve.send_voice(hostile)
        await phone.send_voice(await spoken(tmp_path))

        assert [f"> 🎤 {HEARD}\n\necho: {HEARD}"] == await phone.texts(count=1)
        assert [ZH.text("voice.unreadable")] * 3 == await eve.texts(count=3)
    assert 1 == sum("file" in body for body in model.bodies)


async def test_where_nobody_listens_a_voice_message_is_answered_with_that(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        phone = service.phone()
        await phone.send_voice(await spoken(tmp_path))

        assert [ZH.text("voice.deaf")] == await phone.texts(count=1)


async def spoken(folder: Path) -> bytes:
    """Give two seconds of a tone as WeCom records it."""
    media = MediaFolder(folder / "elsewhere")
    (voice,) = await StoredAudio(media).keep(tone(2.0), name="voice")
    return await media.read(voice)
