"""What went wrong with a model, as the sentence a person is told and a line an operator can use.

A provider's own words stay out of both: they may quote the question or a part of the key.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import structlog
from langchain_core.exceptions import ContextOverflowError, ModelConnectionError, ModelTimeoutError

from chains.models.openai.transport import AnswerTooLarge
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
_QUOTA = re.compile(
    r"insufficient[_ ]\w{0,40}[_ ]?(quota|balance)|credit balance|billing|arrearage|欠费|余额|额度", re.IGNORECASE
)
_NO_KEY = re.compile(r"credentials|api[_ ]key", re.IGNORECASE)
_SECRET = re.compile(r"\b(sk-|Bearer\s+)\S+")
_WORD = re.compile(r"[A-Za-z0-9_.:-]{0,60}")

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
_LEAST_STATUS, _NO_STATUS = 400, 600
_DEPTH = 4
_MOST_SAID = 4000
"""Characters of what a provider says that are looked through for known words: some quote the whole question."""

# One library's only word for it: an Exception of `[401] Unauthorized`.
_WRITTEN = re.compile(r"\[([45]\d\d)\] ")
# Libraries that share no base class with ours name alike what they mean alike.
_NAMED = (
    (re.compile(r"Timeout|DeadlineExceeded"), "model.timeout"),
    (
        re.compile(r"Connect(ion)?(Error|Timeout)?\b|TransportError|NetworkError|ProxyError|ServiceUnavailable"),
        "model.unreachable",
    ),
    (
        re.compile(r"NoCredentials|CredentialsError|Authenticat|PermissionDenied|Unauthorized|Unauthenticated"),
        "model.key",
    ),
    (re.compile(r"RateLimit|Throttl|ResourceExhausted"), "model.busy"),
)


def word_of(said: object) -> str:
    """Return a provider's word, such as a code or why an answer ended; "other" for what may be somebody's sentence."""
    return str(said) if _WORD.fullmatch(str(said)) else "other"


def to_answer_failed(error: Exception, *, model: str) -> AnswerFailed:
    """Turn whatever a model's call raised into the failure of an answer; `model` is the settings' name for it."""
    said = _provider_error_text(error)
    too_large = any(isinstance(each, AnswerTooLarge) for each in _causes(error))
    reason = "model.too_large" if too_large else _reason(error, said)
    status = _status(error)
    code = _code(error)
    facts = [
        type(error).__name__,
        *([f"HTTP {status}"] if status else []),
        *([f"code {word_of(code)!r}"] if code else []),
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
            return _reason_by_status(_status(error), said) if _status(error) else _reason_by_name(error, said)


def _reason_by_name(error: Exception, said: str) -> str:
    """Read what went wrong from what a library calls its error, where no HTTP status came with it."""
    names = " ".join(kind.__name__ for each in _causes(error) for kind in type(each).__mro__)
    found = next((reason for name, reason in _NAMED if name.search(names)), "")
    return found or ("model.key" if _NO_KEY.search(said) else _reason_by_status(None, said))


def _status(error: Exception) -> int | None:
    """Return the HTTP status that came with an error: each library keeps it elsewhere, some only in its cause."""
    for each in _causes(error):
        response = getattr(each, "response", None)
        about = response.get("ResponseMetadata") if isinstance(response, Mapping) else None
        for status in (
            getattr(each, "status_code", None),
            getattr(response, "status_code", None),
            about.get("HTTPStatusCode") if isinstance(about, Mapping) else None,
            getattr(each, "code", None),
        ):
            # Some are an enumeration's members.
            if isinstance(status, int) and _LEAST_STATUS <= status < _NO_STATUS:
                return int(status)
    written = _WRITTEN.match(str(error))
    return int(written[1]) if written else None


def _code(error: Exception) -> object:
    """Return the provider's own word for what went wrong."""
    response = getattr(error, "response", None)
    about = response.get("Error") if isinstance(response, Mapping) else None
    if isinstance(about, Mapping):
        return about.get("Code")
    code = getattr(error, "code", None)
    return None if isinstance(code, int) or callable(code) else code


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from."""
    for _ in range(_DEPTH):
        yield error
        if error.__cause__ is None:
            return
        error = error.__cause__


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
    """Whether an HTTP 200 carried an error object instead of an answer, which LangChain raises as a ValueError."""
    return isinstance(error, ValueError) and bool(error.args) and isinstance(error.args[0], Mapping)


def _provider_error_text(error: Exception) -> str:
    """Return the code, the type and the message of a provider's error object, to look for known words in."""
    body: Any = getattr(error, "body", None)
    if _is_error_object(error):
        body = error.args[0]
    if isinstance(body, Mapping):
        inner = body.get("error")
        body = inner if isinstance(inner, Mapping) else body
        return " ".join(str(body[key])[:_MOST_SAID] for key in ("code", "type", "message") if body.get(key))
    return f"{getattr(error, 'code', None) or ''} {error}"[:_MOST_SAID]
