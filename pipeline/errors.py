"""Every error webot raises on purpose, named by who must act.

WebotError
├── TryAgain ............ the engine: wait, then do the same again
├── Undeliverable ....... the operator: this part will never arrive as it is
├── BadCallback ......... the caller: what it sent does not verify
├── AnswerFailed ........ the person is told, the operator can look it up by its trace id
├── SettingsInvalid ..... whoever typed the settings
├── ChainInvalid ........ whoever wrote the chain
├── Unreadable .......... whoever made the file: its bytes are no picture, or no recording, we can read
├── WriteRefused ........ us: the database will not take what was to be written, now or later
├── AlreadyRunning ...... whoever started a second process on one SQLite file
└── LaneLost ............ nobody: another process has taken the work over
"""

from collections.abc import Sequence

from pipeline.answer import FailedUsage

OWN_LIMIT = "waited for a limit of the settings"
"""The note on what cancels a wait for a model's limit by the minute, which is ours and not the provider's."""


class WebotError(Exception):
    """The root, so that a caller can tell our errors from a library's."""


class TryAgain(WebotError):
    """It may work later; `after` is the least number of seconds to wait."""

    def __init__(
        self, message: str, *, after: float = 1.0, alert: bool = False, blameless: bool = False, code: str = ""
    ) -> None:
        super().__init__(message)
        self.after = after
        self.code = code
        """The platform's or the database's own word for the reason, such as `60020`, so that it can be counted."""
        self.blameless = blameless
        """Whether the wait is our own doing, so that it does not count as a failed attempt."""
        self.alert = alert
        """Whether an operator has to do something before it can work."""


class Undeliverable(WebotError):
    """The channel will not take this, now or later by itself."""

    def __init__(self, message: str, *, alert: bool = False, code: str = "", until_message: bool = False) -> None:
        super().__init__(message)
        self.until_message = until_message
        """Whether it can be sent once somebody has written in the chat again."""
        self.code = code
        """As for `TryAgain`."""
        self.alert = alert
        """Whether the fault is the set-up's, so that an operator must look."""


class BadCallback(WebotError):
    """A callback that does not verify; `code` is the platform's own number for the reason, `status` HTTP's.

    `reason` is a word of few, under which refusals are counted.
    """

    def __init__(self, message: str, *, code: int, status: int = 403, reason: str = "unreadable") -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.reason = reason


class AnswerFailed(WebotError):
    """No answer could be made; `reason` names the sentence of the catalogue that tells the person.

    `wasted` is what models took all the same; `facts` is what an operator is told beside a sentence.
    """

    def __init__(self, message: str, *, reason: str, wasted: tuple[FailedUsage, ...] = (), facts: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.facts = facts
        self.wasted = wasted


def add_wasted(error: BaseException, usage: FailedUsage) -> None:
    """Note on whatever ends an answer, a time limit included, what a model took for it all the same."""
    error.__dict__["wasted"] = (*wasted_of(error), usage)


def wasted_of(error: BaseException | None) -> tuple[FailedUsage, ...]:
    """Return what models took for an answer that an error ended."""
    wasted: tuple[FailedUsage, ...] = getattr(error, "wasted", ())
    return wasted


class SettingsInvalid(WebotError):
    """Settings that cannot be used; one line for each problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class ChainInvalid(WebotError):
    """A chain config that cannot be used; one line for each problem."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Unreadable(WebotError):
    """A file that is not the picture or the recording it should be."""


class TooLarge(Unreadable):
    """A file we could read if it were smaller; `most` is how large it may be, in the unit its kind is measured in."""

    def __init__(self, message: str, *, most: int) -> None:
        super().__init__(message)
        self.most = most


class WriteRefused(WebotError):
    """The database refuses what was to be written, and would again; `code` is its own word for the reason."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class AlreadyRunning(WebotError):
    """The SQLite file has an owner, and it is not this process."""


class LaneLost(WebotError):
    """Our claim on a lane has ended: what we were about to write is another process's to write."""
