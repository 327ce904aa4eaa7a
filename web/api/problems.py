"""What is wrong with a request to the API, as `application/problem+json` (RFC 9457) with a sentence."""

from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from pydantic_core import to_json

from pipeline.text.i18n import in_language
from web.console.pages import FRESH, read_fault, words_for
from web.security.headers import SAFETY

_Request = Request[Any, Any, Any]

PROBLEM = "application/problem+json"


def problem(request: _Request, error: HTTPException) -> Response[bytes]:
    """Answer with what is wrong, in the language of whoever asks."""
    words = words_for(request)
    detail = words.text(error.detail) if error.detail.startswith("console.") else in_language(error.detail, words)
    status = HTTPStatus(error.status_code)
    response = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    headers = dict(SAFETY) | FRESH | dict(error.headers or {})
    return Response(to_json(response), status_code=status, media_type=PROBLEM, headers=headers)


def internal_problem(request: _Request, error: Exception) -> Response[bytes]:
    """Answer a fault of our own, and log it."""
    return problem(request, read_fault(request, error))
