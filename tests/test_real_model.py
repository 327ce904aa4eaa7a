"""A conversation with a real model, for whoever has one: any server that speaks the OpenAI protocol.

`WEBOT_TEST_MODEL_URL=http://127.0.0.1:11434/v1 WEBOT_TEST_MODEL=qwen2.5:0.5b`, and a key in WEBOT_TEST_MODEL_KEY.
"""

import os

import pytest

from chains.catalog.config import ChainConfig
from chains.models import registry
from pipeline.answer import Outcome, PartialAnswer
from pipeline.replies import TextReply
from tests.chains.harness import open_chains_harness, remembered

URL = os.environ.get("WEBOT_TEST_MODEL_URL", "")
MODEL = os.environ.get("WEBOT_TEST_MODEL", "")
KEY = os.environ.get("WEBOT_TEST_MODEL_KEY", "")

pytestmark = pytest.mark.skipif(not (URL and MODEL), reason="WEBOT_TEST_MODEL_URL and WEBOT_TEST_MODEL name no model")


@pytest.mark.parametrize("streams", [False, True])
async def test_a_real_model_answers(*, streams: bool) -> None:
    registry.ALLOW_REAL_MODELS = True
    chain = ChainConfig(name="default", system_prompt="Answer in one short sentence.", options={"max_tokens": 60})
    try:
        async with open_chains_harness(URL, chain=chain, model=MODEL, api_key=KEY, timeout=300.0) as it:
            *drafts, outcome = await it.steps("What is the capital of France?", streams=streams)
    finally:
        registry.ALLOW_REAL_MODELS = False

    assert isinstance(outcome, Outcome)
    (reply,) = outcome.replies
    assert isinstance(reply, TextReply)
    assert "paris" in reply.text.lower()
    assert remembered(outcome).provenance.output_tokens > 0
    assert streams == any(isinstance(draft, PartialAnswer) for draft in drafts)
