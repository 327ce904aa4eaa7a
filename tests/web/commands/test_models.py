"""The verb `webot models`."""

import json
import tomllib
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


async def test_the_models_that_listen_and_draw_are_tested_by_what_they_do(tmp_path: Path) -> None:
    async with OpenAIServer() as server:
        environ = {
            f"WEBOT_MODELS__{name}__{key}": value
            for name in ("SPEECH", "IMAGE")
            for key, value in (("MODEL", "m"), ("BASE_URL", server.base_url), ("MAX_RETRIES", "0"))
        }
        heard = await webot("models", "test", "speech", folder=tmp_path, environ=environ)
        server.script(Fails(401))
        failed = await webot("models", "test", "image", folder=tmp_path, environ=environ)

    assert (0, "") == (heard.code, heard.err)
    assert heard.out.startswith("speech 是 m\n听到“")
    assert (1, "") == (failed.code, failed.out)
    assert "[models.image]" in failed.err


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


BASE = """# Ours.

[models.default]
model = "m"  # until spring
base_url = "http://127.0.0.1:9/v1"

# The fast one.
[models.fast]
model = "f"
base_url = "http://127.0.0.1:9/v1"
temperature = 0.2

[models.fast.extra_body]
x = 1

# By night.
[chat]
turns = 3
"""


def test_a_model_is_set_and_removed_with_the_rest_of_the_files_as_it_was(tmp_path: Path) -> None:
    local, secrets = tmp_path / "settings.local.toml", tmp_path / ".secrets.toml"
    local.write_text(BASE, encoding="utf-8")
    options = ["--option", "temperature=0.5", "--option", "reasoning_effort=low", "--unset", "extra_body"]
    ran = webot_here(
        "models", "set", "fast", "--timeout", "30", "--vision", "--users", "li, wang", *options, folder=tmp_path
    )
    written = local.read_text(encoding="utf-8")
    changed = tomllib.loads(written)["models"]["fast"]
    again = webot_here("models", "set", "fast", "--timeout", "30", folder=tmp_path)
    local.write_text(BASE, encoding="utf-8")
    secrets.write_text('[models.fast]\napi_key = "sk-0123456789"\n[models.default]\napi_key = "k-9876543210"\n')
    removed = webot_here("models", "remove", "fast", folder=tmp_path)
    audit = webot_here("audit", "--json", folder=tmp_path).out

    assert (0, 0, 0) == (ran.code, again.code, removed.code), ran.err + removed.err
    assert {
        "model": "f",
        "base_url": "http://127.0.0.1:9/v1",
        "temperature": 0.5,
        "reasoning_effort": "low",
        "timeout": 30,
        "vision": True,
        "users": ["li", "wang"],
    } == changed
    assert all(comment in written for comment in ("# Ours.", "# until spring", "# The fast one.", "# By night."))
    assert "没有变化" in again.out
    before, _, rest = BASE.partition("# The fast one.")
    assert before + rest.partition("x = 1\n\n")[2] == local.read_text(encoding="utf-8")
    assert {"models": {"default": {"api_key": "k-9876543210"}}} == tomllib.loads(secrets.read_text(encoding="utf-8"))
    assert ["model_edit", "model_remove"] == [json.loads(line)["action"] for line in audit.splitlines()]


def test_a_key_is_read_from_standard_input_and_shown_nowhere(tmp_path: Path) -> None:
    arguments = ("models", "set", "fast", "--model", "f", "--base-url", "http://127.0.0.1:9/v1", "--key-from-stdin")
    ran = webot_here(*arguments, folder=tmp_path, typed="sk-abcdef0123456789\n")
    local = (tmp_path / "settings.local.toml").read_text(encoding="utf-8")
    secrets = tmp_path / ".secrets.toml"

    assert (0, "") == (ran.code, ran.err)
    assert {"models": {"fast": {"api_key": "sk-abcdef0123456789"}}} == tomllib.loads(secrets.read_text())
    assert 0o600 == secrets.stat().st_mode & 0o777
    assert "sk-abcdef" not in local + ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["remove", "default"], "没有指定模型的对话链都由 default 回答"),
        (["remove", "fast"], "它是模型 default 的备用模型"),
        (["remove", "fast"], "对话链 hr 由它回答"),
        (["remove", "fast"], "[budgets] cheaper 用到它"),
        (["remove", "given"], "settings.toml"),
        (["remove", "gone"], "没有名为 gone 的模型"),
        (["set", "Fast!", "--timeout", "3"], "名字由小写字母"),
        (["set", "fast", "--timeout", "soon"], "须为数字"),
        (["set", "fast", "--timeout", "-1"], "[models.fast] timeout"),
        (["set", "fast", "--fallbacks", "gone"], "gone"),
        (["set", "fast", "--option", "temperature"], "KEY=VALUE"),
        (["set", "fast", "--option", "temperature=hot"], "temperature"),
        (["set", "fast", "--option", "timeout=3"], "不是模型参数"),
        (["set", "given", "--unset", "top_p"], "settings.toml"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else part,
)
def test_what_cannot_be_is_said_and_nothing_is_written(tmp_path: Path, arguments: list[str], said: str) -> None:
    local = tmp_path / "settings.local.toml"
    text = BASE.replace('model = "m"', 'fallbacks = ["fast"]\nmodel = "m"') + '[budgets]\ncheaper = "fast"\n'
    local.write_text(text, encoding="utf-8")
    given = '[models.given]\nmodel = "g"\nbase_url = "http://127.0.0.1:9/v1"\ntop_p = 0.5\n'
    (tmp_path / "settings.toml").write_text(given, encoding="utf-8")
    (tmp_path / "data" / "chains").mkdir(parents=True)
    (tmp_path / "data" / "chains" / "hr.toml").write_text('command = "@hr"\nmodel = "fast"\n', encoding="utf-8")
    ran = webot_here("models", *arguments, folder=tmp_path)

    assert 1 == ran.code
    assert said in ran.err
    assert text == local.read_text(encoding="utf-8")
    assert not (tmp_path / ".secrets.toml").exists()
