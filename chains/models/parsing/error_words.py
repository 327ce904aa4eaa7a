"""What providers mean by the codes and the words of their errors, as reasons of the catalogue.

A code is exact and comes first; words decide only where there is none that is known, and addresses in them do not
count: OpenAI's rate limits name the page of one's bills.
"""

import re
from collections.abc import Iterable

# Numbers are Zhipu's (1xxx), Baidu's (17, 18) and SiliconFlow's (2xxxx).
_CODES: dict[str, frozenset[str]] = {
    "model.quota": frozenset(
        {
            *("insufficient_quota", "insufficient_user_quota", "insufficient_balance", "exceeded_current_quota_error"),
            *("billing_hard_limit_reached", "billing_not_active", "arrearage", "arrears", "1113", "17", "30001"),
            *("allocationquota.freetieronly", "accountoverdueerror", "overdue_payment", "payment_required"),
            *("pre_consume_token_quota_failed", "token_quota_exhausted", "quota_exhausted"),
        }
    ),
    "model.busy": frozenset(
        {
            *("rate_limit_exceeded", "rate_limit_reached_error", "rate_limit_error", "engine_overloaded_error"),
            *("too_many_requests", "resource_exhausted", "overloaded_error", "ratelimitexceeded", "serveroverloaded"),
            *("1302", "1303", "1304", "1305", "18", "model_overloaded", "requests_limit_exceeded"),
            *("throttling", "throttling.ratequota", "throttling.allocationquota", "throttling.burstrate"),
            *("rate_limit", "tokens_limit_exceeded", "concurrency_limit_exceeded", "tpm_limit_exceeded"),
        }
    ),
    "model.too_long": frozenset(
        {
            *("context_length_exceeded", "exceed_context_size_error", "string_above_max_length", "1261"),
            *("model_max_prompt_tokens_exceeded", "request_too_large", "context_window_exceeded", "prompt_too_long"),
            *("context_length_error", "input_too_long", "20015.max_seq_len", "max_seq_len_exceeded"),
        }
    ),
    "model.filtered": frozenset(
        {
            *("data_inspection_failed", "datainspectionfailed", "content_filter", "content_policy_violation", "1301"),
            *("responsibleaipolicyviolation", "sensitive", "content_filtered", "sensitivecontentdetected", "336104"),
            *("inputtextsensitivecontentdetected", "moderation_blocked", "prohibited_content", "safety"),
        }
    ),
    "model.key": frozenset(
        {
            *("invalid_api_key", "invalidapikey", "authentication_error", "invalid_authentication_error", "401"),
            *("incorrect_api_key_error", "api_key_invalid", "permission_error", "account_deactivated", "unauthorized"),
            *("1000", "1001", "1002", "1003", "1004", "invalid_token", "invalid_iam_token", "access_denied"),
        }
    ),
    "model.missing": frozenset(
        {
            *("model_not_found", "modelnotfound", "model_not_exist", "not_found_error", "deploymentnotfound", "1211"),
            *("invalid_model", "invalidendpointormodel.notfound", "model_not_supported", "unknown_model"),
        }
    ),
}
_BY_CODE = {code: reason for reason, codes in _CODES.items() for code in codes}

_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s\"'<>）)]{1,2000}", re.IGNORECASE)

_BUSY = re.compile(
    r"rate[ _-]?limit|too many requests|(?:requests?|tokens) per (?:minute|min|day|second)|\b[rt]p[md]\b|overloaded"
    r"|concurrency|high (?:traffic|demand)|throttl|请求过于频繁|频率|速率|限流|并发|繁忙|访问量过大|饱和",
    re.IGNORECASE,
)
_QUOTA = re.compile(
    r"insufficient[_ ]\w{0,40}[_ ]?(?:quota|balance|credits?|funds)"
    r"|(?:exceeded|out of|used up)[^.]{0,30}(?:quota|credits?)"
    r"|credit balance|billing|arrearage|overdue|payment required|欠费|余额|额度|充值",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"data_?inspection|content[_ ]?(?:filter|policy|exists risk|management)|responsibleai|inappropriate content"
    r"|moderation|sensitive (?:content|words|information)|safety (?:system|filter|policy|settings)"
    r"|敏感|违规|不安全|风控",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context[_ ](?:length|window|size|limit)|maximum context|max_(?:model|seq|input|prompt)_?(?:len|tokens)"
    r"|token limit"
    r"|maximum (?:prompt|input|model|sequence) length|input[_ ]tokens?\b|input length|input is too long|input_ids"
    r"|prompt (?:is )?too (?:long|large)|(?:longer|larger|greater) than the (?:maximum )?(?:model|context|allowed)"
    r"|(?:exceed|overflow)[^.]{0,50}(?:context|token)|context[^.]{0,30}(?:overflow|exceed)"
    r"|too many (?:input )?tokens"
    r"|reduce the (?:length|input|number of)|(?:inputs?|messages?|request|conversation) (?:is |are )?too (?:long|large)"
    r"|tokens?[^.]{0,40}(?:exceed|too (?:long|large|many))|too large for model|`?inputs`? tokens"
    r"|超长|过长|太长|长度超|超[出过].{0,12}(?:长度|上下文|token|最大|限制)|tokens?\s?(?:总数|数量|数)?\s?超",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"api[_ ]key (?:not valid|is invalid|expired)|invalid[^.]{0,20}api[_ ]?key"
    r"|无效的令牌|令牌已过期|noauth|unauthori[sz]ed|authentication (?:failed|error)",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"model[^.]{0,80}(?:not exist|not found|does not exist)|unknown model|no such model"
    r"|模型不存在|no available channel|无可用渠道",
    re.IGNORECASE,
)

_STATUSES = {
    401: "model.key",
    402: "model.quota",
    403: "model.key",
    404: "model.missing",
    408: "model.timeout",
    413: "model.too_long",
    429: "model.busy",
    504: "model.timeout",
    524: "model.timeout",
}
_CERTAIN = frozenset({402, 408, 413})
"""Statuses that mean one thing, whatever stands beside them."""
_ANY_CAUSE = frozenset({400, 403, 409, 422, 424, 429})
"""Statuses under which providers send errors of every kind."""
_SERVER = 500


def reason_of(status: int | None, codes: Iterable[str], said: str) -> str:
    """Return what an error means: by its status and its code where they say it, else by its words."""
    if status in _CERTAIN:
        return _STATUSES[status]
    known = next((reason for code in codes if (reason := _BY_CODE.get(code.strip().lower()))), "")
    if known and not (known == "model.key" and status not in {None, 400, 401, 403, 500}):
        return known
    words = _ADDRESS.sub(" ", said)
    if status is None or status in _ANY_CAUSE or status >= _SERVER:
        found = _by_words(status, words)
        if found:
            return found
    if status in _STATUSES:
        return _STATUSES[status]
    if status is not None and status >= _SERVER:
        return "model.broken"
    return "model.refused" if status else "model.failed"


def _by_words(status: int | None, words: str) -> str:
    if status == 429:  # noqa: PLR2004 - the status of limits
        # Both kinds of limit come as 429, and the words of one mention the other.
        if re.search(r"exceeded your current quota|insufficient|余额|欠费|额度", words, re.IGNORECASE):
            return "model.quota"
        return "model.busy" if _BUSY.search(words) or not _QUOTA.search(words) else "model.quota"
    if status is not None and status >= _SERVER:
        # A fault of the server, but for the few that mean the request.
        return "model.too_long" if _TOO_LONG.search(words) else ""
    for reason, pattern in (
        ("model.quota", _QUOTA),
        ("model.too_long", _TOO_LONG),
        ("model.filtered", _FILTERED),
        ("model.key", _KEY),
        ("model.missing", _MISSING),
    ):
        if pattern.search(words):
            return reason
    return "model.busy" if status is None and _BUSY.search(words) else ""
