"""The verb `webot models`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.openai_server import Act, Fails, OpenAIServer, Says
from tests.web.shell import webot, webot_here


def test_the_models_are_listed(tmp_path: Path) -> None:
    (tmp_path / "settings.local.toml").write_text(
        '[models.default]\nfallbacks = ["big"]\n[models.big]\nmodel = "m"\nbase_url = "http://127.0.0.1:9/v1"\n'
    )
    ran = webot_here("models", "list", folder=tmp_path)

    assert [
        "big：m，地址 http://127.0.0.1:9/v1",
        "default：demo，内置的演示模型，出错时换 big",
    ] == ran.out.splitlines()


async def test_a_model_is_tested(tmp_path: Path) -> None:
    async with OpenAIServer() as server:
        environ = {"WEBOT_MODELS__DEFAULT__MODEL": "m", "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url}
        ran = await webot("models", "test", folder=tmp_path, environ=environ)

    assert (0, "") == (ran.code, ran.err)
    assert "个 token" in ran.out
    assert "边写边发：会\n工具：不会\n图片：不会" in ran.out


async def test_a_model_that_fails_says_why(tmp_path: Path) -> None:
    environ = {
        "WEBOT_MODELS__DEFAULT__MODEL": "m",
        "WEBOT_MODELS__DEFAULT__BASE_URL": "http://127.0.0.1:9/v1",
        "WEBOT_MODELS__DEFAULT__MAX_RETRIES": "0",
    }
    ran = await webot("models", "test", folder=tmp_path, environ=environ)

    assert 1 == ran.code
    assert "" == ran.out
    assert "错误：[models.default]: 连不上模型服务\n" in ran.err


def refusing(holds: Callable[[Mapping[str, Any]], object], message: str) -> Callable[[Mapping[str, Any]], Act]:
    """Refuse what a server does not take, and answer the rest."""
    return lambda body: Fails(400, message=message) if holds(body) else Says("1 2 3 4 5 6 7 8 9", pieces=2)


@pytest.mark.parametrize(
    ("otherwise", "streaming"),
    [
        pytest.param(
            refusing(lambda body: not body.get("stream"), "only support stream mode"),
            "会",
            id="streams only",
        ),
        pytest.param(
            refusing(lambda body: body.get("stream"), "stream is not supported"), "不会", id="whole answers only"
        ),
    ],
)
async def test_a_model_that_answers_in_one_way_only_is_called_good(
    tmp_path: Path, otherwise: Callable[[Mapping[str, Any]], Act], streaming: str
) -> None:
    async with OpenAIServer(otherwise=otherwise) as server:
        environ = {"WEBOT_MODELS__DEFAULT__MODEL": "m", "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url}
        ran = await webot("models", "test", folder=tmp_path, environ=environ)

    assert (0, "") == (ran.code, ran.err)
    assert f"边写边发：{streaming}\n工具：不会" in ran.out


async def test_the_providers_own_reason_is_shown_without_a_key(tmp_path: Path) -> None:
    said = "Unsupported value: 'temperature' must be below 2; your key sk-abcdefgh12345678"
    async with OpenAIServer(otherwise=lambda _: Fails(400, "bad_value", said)) as server:
        environ = {"WEBOT_MODELS__DEFAULT__MODEL": "m", "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url}
        tested = await webot("models", "test", folder=tmp_path, environ=environ)
        tried = await webot("chains", "try", "default", "怎么请假", folder=tmp_path, environ=environ)

    for ran in (tested, tried):
        assert 1 == ran.code
        assert "HTTP 400, code 'bad_value'" in ran.err
        assert "'temperature' must be below 2" in ran.err
        assert "abcdefgh" not in ran.out + ran.err


def test_a_model_that_is_not_set_up_names_those_that_are(tmp_path: Path) -> None:
    ran = webot_here("models", "test", "big", folder=tmp_path)

    assert 1 == ran.code
    assert "没有设置名为 'big' 的模型；可用的有 default" in ran.err
