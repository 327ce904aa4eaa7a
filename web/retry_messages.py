"""What the shell asks of a running service to run turns again, and what it answers."""

from dataclasses import dataclass

from storage.turns.retries import Retried

RETRY = "/operations/turns/retry"
"""Where a service is asked to run turns again."""


@dataclass(frozen=True, slots=True)
class RetryAsked:
    """Which turns to run again, None for all that failed; `database` says whose turns they are."""

    database: str
    ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class RetryResponse:
    """What came of each."""

    retried: tuple[Retried, ...]
