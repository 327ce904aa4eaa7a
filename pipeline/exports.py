"""What of a person's conversations is wanted as a document, and what they get."""

from dataclasses import dataclass
from typing import Literal, get_args

from pipeline.replies import StoredMedia

Format = Literal["pdf", "md", "html", "txt", "jsonl", "csv", "finetune", "sharegpt"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True, slots=True)
class Current:
    """The conversation that is going on; the one before when nothing has been said in it yet."""


@dataclass(frozen=True, slots=True)
class Previous:
    """The conversation before the current one."""


@dataclass(frozen=True, slots=True)
class Everything:
    """All conversations there are."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """One conversation by the number the person's list gives it."""

    number: int


@dataclass(frozen=True, slots=True)
class Month:
    """What was said in a month of this machine's calendar; `month` from 1."""

    year: int
    month: int


Wanted = Current | Previous | Everything | Numbered | Month


@dataclass(frozen=True, slots=True)
class Full:
    """How much of a person's is kept at the most: documents, megabytes, and for how many days."""

    files: int
    megabytes: float
    days: int


@dataclass(frozen=True, slots=True)
class Exported:
    """The documents, in order; none when there was nothing to export.

    `instead` is set when the conversation before was taken for an empty current one, `plainer` when the pages could
    not be made whole and another format was.
    """

    files: tuple[StoredMedia, ...] = ()
    conversations: int = 0
    messages: int = 0
    instead: bool = False
    plainer: bool = False
    full: Full | None = None
    """Set where no document was made, because so many are kept already."""
