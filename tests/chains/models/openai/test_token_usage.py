"""Tokens from a provider's cache, by every name they go by."""

from typing import Any

import pytest

from chains.models.openai.token_usage import usage_metadata

M = 1_000_000


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        pytest.param({"prompt_tokens": M, "prompt_tokens_details": {"cached_tokens": 9}}, (M, 9), id="OpenAI, Qwen"),
        pytest.param({"prompt_tokens": M, "prompt_cache_hit_tokens": 9}, (M, 9), id="DeepSeek"),
        pytest.param({"prompt_tokens": M, "cached_tokens": 9}, (M, 9), id="Kimi"),
        pytest.param({"input_tokens": M, "input_tokens_details": {"cached_tokens": 9}}, (M, 9), id="Responses API"),
        pytest.param({"promptTokenCount": M, "cachedContentTokenCount": 9}, (M, 9), id="Gemini"),
        pytest.param(
            {"input_tokens": 5, "cache_read_input_tokens": 9, "cache_creation_input_tokens": 2}, (16, 9), id="Anthropic"
        ),
        pytest.param({"prompt_tokens": 5, "cache_read_input_tokens": 900}, (905, 900), id="counted apart"),
        pytest.param({"prompt_tokens": M, "cache_read_input_tokens": 9}, (M, 9), id="counted in"),
        pytest.param({"prompt_tokens": M}, (M, 0), id="no cache"),
        pytest.param({"prompt_tokens": M, "prompt_cache_hit_tokens": None}, (M, 0), id="nothing cached"),
    ],
)
def test_cached_tokens_are_known_by_every_name(usage: dict[str, Any], counted: tuple[int, int]) -> None:
    found = usage_metadata({**usage, "completion_tokens": 1})

    assert found is not None
    assert counted == (found["input_tokens"], found.get("input_token_details", {}).get("cache_read", 0))
