"""What went wrong with a model, as the sentence a person is told and a line an operator can use.

A provider's own words are in the line only as `explain` leaves them: they may quote the question or a part of the key.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
import structlog
from langchain_core.exceptions import ContextOverflowError, ModelConnectionError, ModelTimeoutError
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage

from chains.models.openai.provider_error import ProviderError, error_object
from chains.models.openai.transport import AnswerTooLarge
from chains.models.parsing.error_words import reason_of
from chains.models.parsing.reason_text import shown_reason
from chains.models.rate_limit import RateLimitReached
from pipeline.errors import AnswerFailed, ChainInvalid, SettingsInvalid
from pipeline.text.i18n import Sentence, joined_sentences, load_sentences
from pipeline.text.unicode import wellformed

log = structlog.get_logger()

_NO_KEY = re.compile(r"credentials|api[_ ]key", re.IGNORECASE)
_SECRET = re.compile(r"\b(sk-|Bearer\s+)\S+")
_WORD = re.compile(r"[A-Za-z0-9_.:-]{0,60}")

_LEAST_STATUS, _NO_STATUS = 400, 600
_SERVER = 500
_DEPTH = 4
_EXPLAINED = "provider_reason"
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


_WRONG_PLACE = frozenset({"model.missing", "model.garbled"})
"""What it looks like to ask where no model is: a page of a website, or none."""


def word_of(said: object) -> str:
    """Return a provider's word, such as a code or why an answer ended; "other" for what may be somebody's sentence."""
    return str(said) if _WORD.fullmatch(str(said)) else "other"


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What a provider answered instead of an answer."""

    status: int | None
    code: str
    text: str = field(repr=False)
    """Its code, type and words, to look for known ones in; a person's may be among them."""
    reason: str
    """What it means, by its sentence of the catalogue."""


def provider_answer(error: Exception) -> ProviderAnswer:
    """Read what a call raised."""
    said = _provider_error_text(error)
    return ProviderAnswer(_status(error), _code(error), said, _reason(error, said))


def explain(error: Exception, words: Iterable[str], *, doubt: str = "") -> None:
    """Attach to what a call raised why the provider refused it, without a secret and without these `words`.

    `doubt` is what may be wrong with its address; it is told where nobody answered as a model does.
    """
    answer = provider_answer(error)
    is_refusal = answer.status is not None and answer.status < _SERVER
    if (is_refusal or _said_in_200(error)) and answer.reason != "model.filtered":
        setattr(error, _EXPLAINED, shown_reason(_message_of(error), words))
    if doubt and answer.reason in _WRONG_PLACE:
        said = getattr(error, _EXPLAINED, "")
        setattr(error, _EXPLAINED, f"{said}; base_url: {doubt}" if said else f"base_url: {doubt}")


def words_of(asked: LanguageModelInput) -> list[str]:
    """Return all that people, tools and models said in a conversation, the latest first."""
    messages = asked if isinstance(asked, list) else []
    said = [message for message in messages if isinstance(message, BaseMessage) and message.type != "system"]
    return [message.text for message in reversed(said)]


def to_answer_failed(error: Exception, *, model: str) -> AnswerFailed:
    """Turn whatever a model's call raised into the failure of an answer; `model` is the settings' name for it."""
    if isinstance(error, SettingsInvalid | ChainInvalid):
        return AnswerFailed(joined_sentences(error.problems), reason="model.setup")
    answer = provider_answer(error)
    too_large = any(isinstance(each, AnswerTooLarge) for each in _causes(error))
    reason = "model.too_large" if too_large else answer.reason
    facts = [
        *([f"HTTP {answer.status}"] if answer.status else []),
        *([f"code {word_of(answer.code)!r}"] if answer.code else []),
    ]
    explained = next((said for each in _causes(error) if (said := getattr(each, _EXPLAINED, ""))), "")
    # A person's words may be among a provider's: they are for whoever turned debugging on.
    log.debug(
        "model_error",
        model=model,
        reason=reason,
        error=type(error).__name__,
        said=wellformed(_SECRET.sub("***", answer.text)[:500]),
    )
    # The name of an error's class is all there is to say where nothing else is known.
    unknown = type(error).__name__ if reason == "model.failed" else ""
    shown = ": ".join(filter(None, (", ".join(facts), explained))) or unknown
    failed = AnswerFailed("", reason=reason, facts=shown)
    failed.args = (Sentence("reason.of_model", model=model, said=failure_sentence(failed)),)
    return failed


def failure_sentence(failure: AnswerFailed) -> str:
    """Return what went wrong with a model for an operator, in a sentence that is said in any language."""
    key = f"cause.model_{failure.reason.rpartition('.')[2]}"
    if key not in load_sentences("en"):
        # Settings and chains that do not hold say themselves what is wrong, and where.
        said: str = failure.args[0]
        if isinstance(said, Sentence) and said.key == "reason.of_model":
            return cast("str", said.values["said"])
        return said
    sentence = Sentence(key)
    return Sentence("cause.model_facts", sentence=sentence, facts=failure.facts) if failure.facts else sentence


def _reason(error: Exception, said: str) -> str:
    match error:
        case RateLimitReached():
            return "turn.own_limit"
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
            status = _status(error)
            return reason_of(status, _codes(error), said) if status else _reason_by_name(error, said)


def _reason_by_name(error: Exception, said: str) -> str:
    """Read what went wrong from what a library calls its error, where no HTTP status came with it."""
    names = " ".join(kind.__name__ for each in _causes(error) for kind in type(each).__mro__)
    found = next((reason for name, reason in _NAMED if name.search(names)), "")
    return found or ("model.key" if _NO_KEY.search(said) else reason_of(None, _codes(error), said))


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


def _code(error: Exception) -> str:
    """Return the provider's own word, or number, for what went wrong; a number that is only the status is none."""
    response = getattr(error, "response", None)
    about = response.get("Error") if isinstance(response, Mapping) else None
    if isinstance(about, Mapping):
        return str(about.get("Code") or "")
    body = _error_body(error)
    for code in (getattr(error, "code", None), None if body is None else body.get("code")):
        if isinstance(code, str) or (isinstance(code, int) and not _LEAST_STATUS <= code < _NO_STATUS):
            return str(code)
    return ""


def _codes(error: Exception) -> tuple[str, ...]:
    """Return all by which a provider's error may be known: some say in `type` what others do in `code`."""
    body = _error_body(error) or {}
    kind = body.get("type") or body.get("status")
    return (_code(error), kind) if isinstance(kind, str) else (_code(error),)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from."""
    for _ in range(_DEPTH):
        yield error
        if error.__cause__ is None:
            return
        error = error.__cause__


def _is_error_object(error: Exception) -> bool:
    """Whether an HTTP 200 carried an error object instead of an answer, which LangChain raises as a ValueError."""
    return isinstance(error, ValueError) and bool(error.args) and isinstance(error.args[0], Mapping)


def _said_in_200(error: Exception) -> bool:
    return isinstance(error, ProviderError) or _is_error_object(error)


def _error_body(error: Exception) -> Mapping[str, Any] | None:
    """Return a provider's error object, whatever it was raised in; text is one as well."""
    body: Any = error.args[0] if _is_error_object(error) else getattr(error, "body", None)
    return error_object(body) if isinstance(body, Mapping | list) or (isinstance(body, str) and body) else None


def _message_of(error: Exception) -> str:
    body = _error_body(error)
    return str(body["message"] if body is not None else error)[:_MOST_SAID]


def _provider_error_text(error: Exception) -> str:
    """Return the code, the type and the message of a provider's error object, to look for known words in."""
    body = _error_body(error)
    if body is not None:
        return " ".join(str(body[key])[:_MOST_SAID] for key in ("code", "type", "param", "message") if body.get(key))
    return f"{getattr(error, 'code', None) or ''} {error}"[:_MOST_SAID]
