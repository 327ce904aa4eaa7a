"""What providers' errors mean: by status and code before words; and what of them operators are shown."""

import pytest

from chains.models.parsing.error_words import reason_of
from chains.models.parsing.reason_text import MOST, shown_reason

BILLING = (
    "Rate limit reached for gpt-4o on requests per min. Visit https://platform.openai.com/account/billing to add one."
)


@pytest.mark.parametrize(
    ("status", "code", "said", "reason"),
    [
        (429, "rate_limit_exceeded", BILLING, "model.busy"),
        (429, "", BILLING, "model.busy"),
        (429, "", "You exceeded your current quota, please check your plan and billing details.", "model.quota"),
        (429, "insufficient_quota", "Rate limit", "model.quota"),
        (429, "1113", "您的账户已欠费，请充值后重试", "model.quota"),
        (429, "1302", "您的账户已达到速率限制", "model.busy"),
        (429, "engine_overloaded_error", "The engine is currently overloaded", "model.busy"),
        (429, "exceeded_current_quota_error", "Your account is not active", "model.quota"),
        (429, "Throttling.RateQuota", "Requests rate limit exceeded", "model.busy"),
        (403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted.", "model.quota"),
        (402, "anything", "content_filter", "model.quota"),
        (401, "invalid_api_key", "billing", "model.key"),
        (400, "", "API key not valid. Please pass a valid API key.", "model.key"),
        (400, "", "Model Not Exist", "model.missing"),
        (503, "model_not_found", "当前分组 default 下对于模型 x 无可用渠道", "model.missing"),
        (400, "1211", "模型不存在，请检查模型代码。", "model.missing"),
        (500, "", "CUDA error", "model.broken"),
        (400, "", "temperature must be below 2", "model.refused"),
        (None, "", "who knows", "model.failed"),
    ],
)
def test_status_and_code_come_before_words(status: int | None, code: str, said: str, reason: str) -> None:
    assert reason == reason_of(status, (code,), said)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (400, "exceed_context_size_error", "the request exceeds the available context size. try increasing it"),
        (500, "", "the request exceeds the available context size, try increasing it"),
        (
            400,
            "BadRequestError",
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
        ),
        (400, "", "The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
        (400, "", "Input length (9000) exceeds model's maximum context length (8192)."),
        (400, "", "The number of tokens to keep from the initial prompt is greater than the context length."),
        (400, "", "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with"),
        (400, "", "input length exceeds the context length"),
        (400, "", "prompt too long; exceeded max context length by 12 tokens"),
        (400, "20015", "length of prompt_tokens (33000) must be less than max_seq_len (32768)."),
        (400, "1261", "Prompt 超长"),
        (400, "", "输入长度超出最大限制"),
        (400, "", "tokens 数量超过模型最大限制"),
        (400, "context_length_exceeded", "Input tokens exceed the configured limit of 272000 tokens."),
        (400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
        (400, "", "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000"),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        ),
        (400, "", "Invalid request: Your request exceeded model token limit: 8192"),
        (400, "InvalidParameter", "Range of input length should be [1, 30720]"),
        (400, "", "This model's maximum prompt length is 131072 but the request contains 140000 tokens."),
        (422, "", "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens"),
        (400, "", "Please reduce the length of the messages or completion."),
        (400, "", "Input is too long for requested model."),
        (413, "rate_limit_exceeded", "Request too large for model"),
    ],
)
def test_a_full_context_is_known_of_every_server(status: int, code: str, said: str) -> None:
    assert "model.too_long" == reason_of(status, (code,), said)


QUESTION = "我的工资是一万二千三百元，请问 my salary is 12345 怎么算"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "Unsupported value: 'temperature' does not support 0.2",
            "Unsupported value: 'temperature' does not support 0.2",
        ),
        (f"Invalid prompt: {QUESTION}", "Invalid prompt: …"),
        ("bad: MY SALARY IS 12345!", "bad:…!"),
        ("Incorrect API key provided: sk-very-secret-key-1234. See", "Incorrect API key provided: … See"),
        ("Bearer abcdef0123456789 is no token", "… is no token"),
        ("no access to https://user:pw@api.example/v1?key=abc", "no access to https://…api.example/v1?…"),
        ("key abc123def456ghi789jkl012mno is wrong", "key … is wrong"),
        ("x" * 999, "x" * (MOST - 1) + "…"),
    ],
)
def test_a_providers_reason_is_shown_without_secrets_and_anybodys_words(said: str, expected: str) -> None:
    assert expected == shown_reason(said, [QUESTION])


@pytest.mark.parametrize(
    ("said", "question", "expected"),
    [
        ("Invalid input in field x", "in", "Invalid input … field x"),
        ("bad value: Hi, or hi!", "hi", "bad value: …, or …!"),
        ("this is unusual", "us", "this is unusual"),
        ("he said 'ok'; token ok", "OK", "he said '…'; token …"),
        ("unknown word a.b, and axb", "a.b", "unknown word …, and axb"),
        ("内容“你好”不合规", "你好", "内容“…”不合规"),
        ("用户说你好吗", "你好", "用户说…吗"),
        ("say C++ now", "C++", "say … now"),
        ("a refusal", "a", "a refusal"),
    ],
)
def test_a_short_question_is_masked_where_it_is_a_word_of_its_own(said: str, question: str, expected: str) -> None:
    assert expected == shown_reason(said, [question])


def test_reasons_are_made_in_linear_time() -> None:
    for odd in ("a" * 100_000, "…" * 100_000, "insufficient_" * 9000, "sk-" * 40_000, "context " * 20_000):
        shown_reason(odd, [odd])
        assert reason_of(400, (odd,), odd[:4000])
