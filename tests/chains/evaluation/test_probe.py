"""Finding out what a model can do."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from chains.evaluation.probe import Found, ModelProbe
from chains.models.registry import ModelRegistry
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Says

CALL = {"id": "1", "type": "function", "function": {"name": "current_time", "arguments": "{}"}}


async def probed(act: Act) -> tuple[Found, Found, int, str]:
    """Give whether it uses tools, whether it sees, in how many pieces it spoke, and why it did not."""

    def otherwise(body: Mapping[str, Any]) -> Act:
        return act if body.get("tools") or not isinstance(body["messages"][0]["content"], str) else Says("1 2 3 4 5")

    async with OpenAIServer(otherwise=otherwise) as server:
        # A model that always fails stands behind it: it is not to be heard.
        table = {"model": "m", "base_url": server.base_url, "max_retries": 0, "fallbacks": ("other",)}
        settings = Settings.model_validate({"models": {"default": table, "other": table | {"fallbacks": ()}}})
        # Reads the sentences.
        words = await asyncio.to_thread(Catalogue, "en")
        models = ModelRegistry(settings, words)
        try:
            probe = await ModelProbe.of(models, "default", words)
            pace = await probe.measure()
            assert 0 < pace.tokens_a_second
            return await probe.uses_tools(), await probe.sees(), pace.pieces, pace.error
        finally:
            await models.aclose()


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        pytest.param(Says(None, tool_calls=(CALL,)), ("yes", "no"), id="it uses tools"),
        pytest.param(Says("Red."), ("no", "yes"), id="it sees"),
        pytest.param(Says("I cannot"), ("no", "no"), id="neither"),
        pytest.param(Fails(400), ("failed", "failed"), id="it refuses both"),
    ],
)
async def test_what_a_model_can_do_is_found_out(act: Act, expected: tuple[Found, Found]) -> None:
    tools, sees, pieces, error = await probed(act)

    assert expected == (tools, sees)
    assert 1 < pieces
    assert "" == error
