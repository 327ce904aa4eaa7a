"""The verb `webot models`."""

from pathlib import Path

from tests.fakes.openai_server import OpenAIServer
from tests.web.shell import webot, webot_here


def test_the_models_are_listed(tmp_path: Path) -> None:
    (tmp_path / "settings.local.toml").write_text(
        '[models.default]\nfallbacks = ["big"]\n[models.big]\nmodel = "m"\nbase_url = "http://127.0.0.1:9/v1"\n'
    )
    ran = webot_here("models", "list", folder=tmp_path)

    assert [
        "big: m at http://127.0.0.1:9/v1",
        "default: demo, the built-in model, then big",
    ] == ran.out.splitlines()


async def test_a_model_is_tested(tmp_path: Path) -> None:
    async with OpenAIServer() as server:
        environ = {"WEBOT_MODELS__DEFAULT__MODEL": "m", "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url}
        ran = await webot("models", "test", folder=tmp_path, environ=environ)

    assert (0, "") == (ran.code, ran.err)
    assert "tokens a second" in ran.out
    assert "streaming: yes\ntools: no\npictures: no" in ran.out


async def test_a_model_that_fails_says_why(tmp_path: Path) -> None:
    environ = {
        "WEBOT_MODELS__DEFAULT__MODEL": "m",
        "WEBOT_MODELS__DEFAULT__BASE_URL": "http://127.0.0.1:9/v1",
        "WEBOT_MODELS__DEFAULT__MAX_RETRIES": "0",
    }
    ran = await webot("models", "test", folder=tmp_path, environ=environ)

    assert 1 == ran.code
    assert "" == ran.out
    assert "Error: [models.default]: OpenAIConnectionError" in ran.err


def test_a_model_that_is_not_set_up_names_those_that_are(tmp_path: Path) -> None:
    ran = webot_here("models", "test", "big", folder=tmp_path)

    assert 1 == ran.code
    assert "没有设置名为 'big' 的模型；可用的有 default" in ran.err
