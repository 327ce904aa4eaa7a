"""What a chain said at some time: its revisions, and which of them was released to whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    def ends(self) -> bool:
        """Whether it only ends the trial before it: it is for nobody."""
        return not self.share and not self.users

    @property
    def whole(self) -> bool:
        """Whether it is for everybody; else it is a trial beside the one that is."""
        return self.share == WHOLE_SHARE


@dataclass(frozen=True, slots=True)
class ReleaseState:
    """What holds of one chain: what everybody gets, and what is tried beside it."""

    live: ChainRelease | None = None
    trial: ChainRelease | None = None


@dataclass(frozen=True, slots=True)
class MachineState:
    """What one process of the service says of the chains it answers with, by their names."""

    machine: str
    host: str = ""
    number: int = -1
    """The latest release it has looked at; -1 for a process that has said nothing yet."""
    live: Mapping[str, str] = field(default_factory=dict)
    """The revision that everybody gets."""
    trials: Mapping[str, str] = field(default_factory=dict)
    """The revision that is tried."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why a chain's file is not in use."""
    refused_trials: Mapping[str, str] = field(default_factory=dict)
    """Why a trial is not."""
    away: str = ""
    """Why its folder of chains is not what it should be."""
