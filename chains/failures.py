"""What went wrong with a model, as the sentence a person is told and a line an operator can use.

A provider's own words stay out of both: they may quote the question or a part of the key.
"""

import re
from collections.abc import Mapping
from typing import Any

import httpx2
import structlog
from langchain_core.exceptions import ContextOverflowError, ModelConnectionError, ModelTimeoutError

from pipeline.errors import AnswerFailed, ChainInvalid, SettingsInvalid

log = structlog.get_logger()

# How providers say in a 400, each in its own way, that the words themselves are the trouble.
_FILTERED = re.compile(
    r"data_?inspection|content[_ ]?(filter|policy|exists risk|management)|responsibleai|inappropriate content"
    r"|moderation|sensitive (content|words|information)|safety (system|filter|policy)|敏感|违规|不安全",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context[_ ](length|window)|maximum context|token limit|input token|input length|prompt is too long"
    r"|too many tokens|reduce the length|超长|过长",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"insufficient[_ ]\w*[_ ]?(quota|balance)|billing|arrearage|欠费|余额|额度", re.IGNORECASE)
_SECRET = re.compile(r"\b(sk-|Bearer\s+)\S+")

_REASONS = {
    401: "model.key",
    402: "model.quota",
    403: "model.key",
    404: "model.missing",
    408: "model.timeout",
    413: "model.too_long",
    429: "model.busy",
}
_SERVER = 500


def answer_failed(error: Exception, *, model: str) -> AnswerFailed:
    """Turn whatever a model's call raised into the failure of an answer; `model` is the settings' name for it."""
    said = _said_by_provider(error)
    reason = _reason(error, said)
    status = getattr(error, "status_code", None)
    code = getattr(error, "code", None)
    facts = [
        type(error).__name__,
        *([f"HTTP {status}"] if status else []),
        *([f"code {str(code)[:60]!r}"] if code else []),
    ]
    # A person's words may be among a provider's: they are for whoever turned debugging on.
    log.debug("model_error", model=model, reason=reason, said=_SECRET.sub("***", said)[:500])
    return AnswerFailed(f"[models.{model}]: {', '.join(facts)}", reason=reason)


def _reason(error: Exception, said: str) -> str:
    match error:
        case SettingsInvalid() | ChainInvalid():
            return "model.setup"
        case TimeoutError() | ModelTimeoutError() | httpx2.TimeoutException():
            return "model.timeout"
        case ModelConnectionError() | httpx2.TransportError() | OSError():
            return "model.unreachable"
        case ContextOverflowError():
            return "model.too_long"
        case ValueError() | LookupError() | TypeError() | AttributeError() if not _is_error_object(error):
            # What came is not the protocol: a web page, no choices, choices without a message.
            return "model.garbled"
        case _:
            return _reason_by_status(getattr(error, "status_code", None), said)


def _reason_by_status(status: int | None, said: str) -> str:
    # Before the status: a used-up account comes as 400, 402, 403 or 429, as each provider likes.
    if _QUOTA.search(said):
        return "model.quota"
    if status in _REASONS:
        return _REASONS[status]
    if status is not None and status >= _SERVER:
        return "model.broken"
    if _TOO_LONG.search(said):
        return "model.too_long"
    if _FILTERED.search(said):
        return "model.filtered"
    return "model.refused" if status else "model.failed"


def _is_error_object(error: Exception) -> bool:
    """Say whether an HTTP 200 carried an error object instead of an answer, which LangChain raises as a ValueError."""
    return isinstance(error, ValueError) and bool(error.args) and isinstance(error.args[0], Mapping)


def _said_by_provider(error: Exception) -> str:
    """Give the code, the type and the message of a provider's error object, to look for known words in."""
    body: Any = getattr(error, "body", None)
    if _is_error_object(error):
        body = error.args[0]
    if isinstance(body, Mapping):
        inner = body.get("error")
        body = inner if isinstance(inner, Mapping) else body
        return " ".join(str(body[key]) for key in ("code", "type", "message") if body.get(key))
    return f"{getattr(error, 'code', None) or ''} {error}"
