"""Reads values of rows that may hold anything: SQLite keeps what no column is for, and people write tables by hand.

What cannot be read is None or nothing, so that a row is shown, exported or deleted without it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from typing import Any, TypeVar

Got = TypeVar("Got")

_LARGEST = 2**63 - 1


def read_or_none(read: Callable[[Any], Got], value: Any) -> Got | None:  # noqa: ANN401 -- a row may hold anything
    """Return what `read` makes of a value, None where it cannot be read."""
    try:
        return read(value)
    except Exception:  # noqa: BLE001 -- whatever it is, the rest of the row is read
        return None


def read_time(seconds: Any) -> datetime | None:  # noqa: ANN401 -- as above
    """Return a time, None where the value says none."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def read_text(value: Any) -> str:  # noqa: ANN401 -- as above
    """Return a text, empty where the value is none."""
    return value if isinstance(value, str) else ""


def read_count(value: Any) -> int:  # noqa: ANN401 -- as above
    """Return a number as a whole one of 64 bits, 0 where the value is none."""
    try:
        return max(-_LARGEST, min(int(value), _LARGEST)) if isfinite(value) else 0
    except (TypeError, OverflowError):
        return 0
