"""Why a model's answer ended, read from each provider's own word for it."""

import re

from pipeline.answer import Cut

# OpenAI, Azure and most others say content_filter, Zhipu sensitive, Gemini SAFETY, RECITATION, SPII and the like,
# Anthropic refusal, Bedrock guardrail_intervened and content_filtered, Cohere ERROR_TOXIC.
_FILTERED = re.compile(
    r"filter|sensitiv|refusal|refused|safety|prohibit|block|spii|recitation|guardrail|toxic|moderat|polic|censor|risk"
)
# OpenAI says length, Anthropic, Bedrock and Cohere max_tokens, Gemini MAX_TOKENS, Mistral model_length, the Responses
# API max_output_tokens, Cohere ERROR_LIMIT for a full context.
_LENGTH = re.compile(r"length|tokens?$|max_|limit|truncat|incomplete|context_window")
# DeepSeek says insufficient_system_resource, Zhipu network_error, OpenRouter error, vLLM and SGLang abort.
_INTERRUPTED = re.compile(
    r"resource|error|abort|cancel|interrupt|time_?d?_?out|fail|malformed|unexpected|preempt|overload|disconnect|^other$"
)
_FULL = re.compile(r"context|error_limit")


def cut_by(finish: str) -> Cut:
    """Return why an answer is not whole, by the provider's word for how it ended; empty for one that is."""
    word = finish.strip().casefold().replace("-", "_").replace(" ", "_").rpartition(".")[2]
    if not word or word.startswith(("stop", "eos", "end", "tool", "function", "complete")):
        return ""
    if _FILTERED.search(word):
        return "filtered"
    if _LENGTH.search(word):
        return "length"
    return "interrupted" if _INTERRUPTED.search(word) else ""


def is_context_full(finish: str) -> bool:
    """Whether an answer ended because the conversation left no room for it."""
    word = finish.casefold()
    return cut_by(finish) == "length" and _FULL.search(word) is not None
