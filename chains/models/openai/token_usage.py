"""The tokens of an answer, by every name that servers have for them."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

_GIVEN = ("prompt_tokens", "input_tokens", "promptTokenCount", "prompt_eval_count", "prompt_n")
_ANSWERED = (
    "completion_tokens",
    "output_tokens",
    "candidatesTokenCount",
    "eval_count",
    "generated_tokens",
    "predicted_n",
)
_TOTAL = ("total_tokens", "totalTokenCount")
_DETAILS = ("prompt_tokens_details", "input_tokens_details", "prompt_token_details")
# DeepSeek's, Kimi's, Anthropic's, Gemini's.
_CACHED = ("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens", "cachedContentTokenCount")
_APART = ("cache_read_input_tokens", "cache_creation_input_tokens")
_MOST = 10**12


def merged(known: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return two counts of one answer as one: who counts in every piece counts from the beginning each time."""
    together = dict(known)
    for key, value in more.items():
        if isinstance(value, dict):
            former = together.get(key)
            together[key] = merged(former if isinstance(former, dict) else {}, value)
        elif (count := _count(value)) is not None:
            together[key] = max(count, _count(together.get(key)) or 0)
    return together


def usage_metadata(usage: Mapping[str, Any]) -> UsageMetadata | None:
    """Return a server's count as LangChain has it; None where it counts nothing."""
    given, answered = _first(usage, _GIVEN), _first(usage, _ANSWERED)
    if given is None and answered is None:
        total = _first(usage, _TOTAL)
        if total is None:
            return None
        given = total
    given, answered = _with_cached_apart(usage, given or 0), answered or 0
    found = UsageMetadata(
        input_tokens=given,
        output_tokens=answered,
        total_tokens=given + answered,
        input_token_details=InputTokenDetails(),
        output_token_details=OutputTokenDetails(),
    )
    details: Mapping[str, Any] = next((usage[key] for key in _DETAILS if isinstance(usage.get(key), dict)), {})
    cached = max(_first(details, _CACHED) or 0, _first(usage, _CACHED) or 0)
    if cached:
        found["input_token_details"] = InputTokenDetails(cache_read=cached)
    return found


def _with_cached_apart(usage: Mapping[str, Any], given: int) -> int:
    """Return the tokens given, those from the cache included, which Anthropic counts apart from `input_tokens`.

    https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching#tracking-cache-performance
    """
    apart = sum(_count(usage.get(key)) or 0 for key in _APART)
    is_apart = _count(usage.get("prompt_tokens")) is None or apart > given
    return given + apart if apart and is_apart else given


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((count for name in names if (count := _count(usage.get(name))) is not None), None)


def _count(value: object) -> int | None:
    """Return a count; None for what is none: some write it as text or as 7.0."""
    if value is None:
        return None
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value.strip()[:12])
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        return None
    return int(max(0, min(value, _MOST)))
