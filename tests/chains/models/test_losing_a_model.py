"""A model that answers is never replaced by the demo because a key or a file is gone."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog

from chains.models.registry import ModelRegistry
from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from tests.fakes.openai_server import OpenAIServer
from tests.service import running_service, until

REAL = {"model": "gpt-4o", "api_key": "sk-1"}


def models(tables: dict[str, Any]) -> ModelRegistry:
    return ModelRegistry(Settings.model_validate({"models": tables}), Catalogue("en"))


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param({"default": {"model": "gpt-4o"}}, id="the key is gone"),
        pytest.param({"default": {"model": "gpt-4o", "temperature": 0.2}}, id="and options are left"),
        pytest.param({"default": REAL, "fast": {"model": "gpt-4o-mini"}}, id="another model's key"),
        pytest.param({"default": REAL, "image": {"model": "gpt-image-1"}}, id="the key of the model that draws"),
        pytest.param({"default": REAL, "speech": {"model": "whisper-1"}}, id="the key of the model that listens"),
    ],
)
def test_a_model_that_is_named_without_key_or_address_is_an_error(tables: dict[str, Any]) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        models(tables)

    assert ".api_key: found nothing, " in str(refused.value)


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param({}, id="nothing at all"),
        pytest.param({"default": {"model": ""}}, id="nothing filled in"),
        pytest.param({"default": {"model": "llama", "base_url": "http://127.0.0.1:11434/v1"}}, id="a server"),
        pytest.param({"default": {"model": "m", "provider": "demo"}}, id="the demo by name"),
    ],
)
def test_what_needs_no_key_has_none(tables: dict[str, Any]) -> None:
    assert "default" in models(tables).names


@pytest.mark.parametrize("left", [{}, {"default": {}}, {"default": {"temperature": 0.5}}, {"default": {"model": ""}}])
def test_an_empty_table_does_not_replace_a_model_that_answers(left: dict[str, Any]) -> None:
    real = models({"default": REAL})
    with pytest.raises(SettingsInvalid) as refused:
        models(left).refuse_demo_after(real)

    assert "'gpt-4o' answers" in str(refused.value)
    models({"default": {"provider": "demo"}}).refuse_demo_after(real)
    models(left).refuse_demo_after(models({}))


def was_refused(logs: list[structlog.typing.EventDict], times: int) -> bool:
    return bool(times <= sum(line["event"] == "settings_not_used" for line in logs))


async def test_people_never_get_the_demo_because_a_file_is_away(tmp_path: Path) -> None:
    async with OpenAIServer() as server:
        file = tmp_path / "settings.local.toml"
        text = f'[models.default]\nmodel = "one"\nbase_url = "{server.base_url}"\nmax_retries = 0\n'
        await asyncio.to_thread(file.write_text, text, "utf-8")
        with structlog.testing.capture_logs() as logs:
            async with running_service(tmp_path) as service:
                for count, left in enumerate(("", '[models.default]\nmodel = "one"\n'), 1):
                    await asyncio.to_thread(file.write_text, left, "utf-8")
                    await until(partial(was_refused, logs, count))
                phone = service.phone()
                await phone.say("你好")
                (answer,) = await phone.texts(count=1)

    assert "echo: 你好" == answer
