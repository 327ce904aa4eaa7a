"""What a chain said at some time: its revisions, and which of them was released to whom."""

from dataclasses import dataclass
from datetime import datetime

WHOLE_SHARE = 100


@dataclass(frozen=True, slots=True)
class ChainRevision:
    """A chain's text as somebody wrote it; `revision` names what it says, and is empty for a chain taken away."""

    chain: str
    revision: str
    content: str
    author: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ChainRelease:
    """A revision that answers from some moment on: for `share` of a hundred people, and for the users named.

    `number` counts all releases, so that a later one has a greater number.
    """

    number: int
    draft: ChainRevision
    share: int
    users: tuple[str, ...]
    at: datetime

    @property
    def whole(self) -> bool:
        """Whether it is for everybody; else it is a trial beside the one that is."""
        return self.share == WHOLE_SHARE


@dataclass(frozen=True, slots=True)
class ReleaseState:
    """What holds of one chain: what everybody gets, and what is tried beside it."""

    live: ChainRelease | None = None
    trial: ChainRelease | None = None
