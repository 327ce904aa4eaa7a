"""The error that a provider puts into an answer of HTTP 200, in whichever of many shapes."""

from collections.abc import Iterator, Mapping
from typing import Any

_LEAST_STATUS, _NO_STATUS = 400, 600
_DEPTH = 4
_PLACES = 8
_GOOD_CODES = frozenset({"", "0", "00", "200", "ok", "success", "none", "null", "false"})
_MESSAGES = ("message", "msg", "error_msg", "errmsg", "status_msg", "error_message", "detail", "reason", "errorMsg")
_CODES = ("code", "error_code", "errcode", "status_code", "errorCode", "status", "type")


class ProviderError(Exception):
    """A provider's refusal inside an answer that its server calls good; `body` is its error object."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = dict(body)
        self.code = body.get("code")
        super().__init__("an error inside an answer of HTTP 200")

    @property
    def status_code(self) -> int | None:
        """Return the HTTP status that the error object itself names."""
        for key in ("status", "status_code", "code", "http_status"):
            try:
                status = int(self.body.get(key) or 0)
            except (TypeError, ValueError):
                continue
            if _LEAST_STATUS <= status < _NO_STATUS:
                return status
        return None


def error_in(answer: Mapping[str, Any]) -> ProviderError | None:
    """Return the error that an answer without words carries; None for none."""
    for key in ("error", "errors"):
        if found := answer.get(key):
            return ProviderError({**_beside(answer), **error_object(found)})
    if isinstance(about := answer.get("base_resp"), Mapping) and not _is_good(about.get("status_code")):
        return ProviderError(error_object(about))
    wrong = [key for key in _CODES[:-1] if key in answer and not _is_good(answer[key])]
    said = [key for key in _MESSAGES if isinstance(answer.get(key), str | list | Mapping) and answer[key]]
    if said and (wrong or answer.get("success") is False or answer.get("object") == "error" or "detail" in said):
        return ProviderError(error_object(answer))
    return None


def _beside(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: answer[key] for key in ("code", "type", "status", "status_code") if isinstance(answer.get(key), str | int)
    }


def error_object(found: object, depth: int = 0) -> dict[str, Any]:
    """Return an error as an object with a code and a message, whether it is text, a list or an object."""
    match found:
        case Mapping():
            inner = found.get("error")
            if isinstance(inner, Mapping | list) and inner and depth < _DEPTH:
                return {**_beside(found), **error_object(inner, depth + 1)}
            code = next((found[key] for key in _CODES if isinstance(found.get(key), str | int) and found[key]), None)
            return {**found, "code": code, "message": " ".join(_texts(found, depth))}
        case list():
            parts = [error_object(each, depth + 1) for each in found[:_DEPTH]] if depth < _DEPTH else []
            code = next((part["code"] for part in parts if part.get("code")), None)
            return {"code": code, "message": " ".join(str(part["message"]) for part in parts)}
        case _:
            return {"code": None, "message": str(found)}


def _texts(found: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key in _MESSAGES:
        value = found.get(key)
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping | list) and value and depth < _DEPTH:
            yield str(error_object(value, depth + 1)["message"])
    if isinstance(found.get("error"), str):
        yield found["error"]
    # Which field a validator complains of stands beside its words.
    if isinstance(place := found.get("loc"), list):
        yield ".".join(str(each) for each in place[:_PLACES])


def _is_good(code: object) -> bool:
    return str(code).strip().lower() in _GOOD_CODES
