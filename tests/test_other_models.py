"""The whole service with a model of another protocol: what leaves for it, and what people see of it."""

from pathlib import Path

from tests.fakes.anthropic_server import AnthropicServer
from tests.fakes.openai_server import Fails, OpenAIServer, Says
from tests.service import running_service
from tests.web.shell import webot

KEY = "sk-ant-0123456789"


def answered_by(model: AnthropicServer) -> dict[str, str]:
    return {
        "WEBOT_MODELS__DEFAULT__PROVIDER": "anthropic",
        "WEBOT_MODELS__DEFAULT__MODEL": "claude-test",
        "WEBOT_MODELS__DEFAULT__BASE_URL": model.base_url,
        "WEBOT_MODELS__DEFAULT__API_KEY": KEY,
        "WEBOT_MODELS__DEFAULT__TEMPERATURE": "0.5",
        "WEBOT_MODELS__DEFAULT__MAX_RETRIES": "0",
    }


async def test_a_conversation_goes_to_anthropic_word_for_word(tmp_path: Path) -> None:
    environ = {"WEBOT_CHAT__SYSTEM_PROMPT": "Be kind."}
    async with AnthropicServer() as model, running_service(tmp_path, environ | answered_by(model)) as service:
        model.script(Says("你好!"), Says("第二次。"))
        phone = service.phone()
        await phone.say("在吗")
        await phone.texts(count=1)
        await phone.say("再说一次")
        texts = await phone.texts(count=2)
        first, second = model.bodies

    assert ["你好!", "第二次。"] == texts
    assert [{"role": "user", "content": "在吗"}] == first["messages"]
    assert ["在吗", "你好!", "再说一次"] == [message["content"] for message in second["messages"]]
    assert ["user", "assistant", "user"] == [message["role"] for message in second["messages"]]
    assert ("Be kind.", 0.5, "claude-test") == (second["system"], second["temperature"], second["model"])
    assert {"max_tokens", "messages", "model", "system", "temperature"} == second.keys()


async def test_a_model_that_fails_is_apologised_for_and_its_fallback_is_asked(tmp_path: Path) -> None:
    async with AnthropicServer() as model, OpenAIServer() as spare:
        environ = {
            "WEBOT_MODELS__DEFAULT__FALLBACKS": '["spare"]',
            "WEBOT_MODELS__SPARE__MODEL": "spare",
            "WEBOT_MODELS__SPARE__BASE_URL": spare.base_url,
            "WEBOT_MODELS__SPARE__MAX_RETRIES": "0",
        }
        async with running_service(tmp_path, environ | answered_by(model)) as service:
            model.script(Fails(529), Fails(401))
            spare.script(Says("我来。"), Fails(400))
            phone = service.phone()
            await phone.say("在吗")
            await phone.texts(count=1)
            await phone.say("还在吗")
            answered, apology = await phone.texts(count=2)

    assert "我来。" == answered
    assert KEY not in apology
    assert "Anthropic" not in apology


async def test_the_shell_tests_such_a_model_and_checks_its_options(tmp_path: Path) -> None:
    async with AnthropicServer() as model:
        environ = answered_by(model)
        tested = await webot("models", "test", folder=tmp_path, environ=environ)
        checked = await webot("check", folder=tmp_path, environ=environ)
        wrong = await webot("check", folder=tmp_path, environ={**environ, "WEBOT_MODELS__DEFAULT__TOP_X": "1"})
        examined = await webot("doctor", folder=tmp_path, environ={**environ, "WEBOT_MODELS__DEFAULT__TOP_X": "1"})
        listed = await webot("models", "list", folder=tmp_path, environ=environ)

    assert (0, "") == (tested.code, tested.err)
    assert "default 是 claude-test" in tested.out
    assert "边写边发：会\n工具：不会\n图片：不会" in tested.out
    assert 0 == checked.code
    assert 1 == wrong.code
    assert "[models.default].top_x: ChatAnthropic 没有这个选项" in wrong.err
    assert "[models.default].top_x: ChatAnthropic 没有这个选项" in examined.out
    assert f"default：claude-test，地址 {model.base_url}" in listed.out


async def test_a_start_names_what_does_not_fit(tmp_path: Path) -> None:
    environ = {
        "WEBOT_MODELS__DEFAULT__PROVIDER": "anthropic",
        "WEBOT_MODELS__DEFAULT__MODEL": "claude-test",
        "WEBOT_SERVER__PORT": "0",
    }
    started = await webot("serve", folder=tmp_path, environ=environ)

    assert 0 != started.code
    assert "[models.default].api_key: 没有填，而 anthropic 需要密钥" in started.err
