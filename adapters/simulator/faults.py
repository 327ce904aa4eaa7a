"""Misbehaviour on request: what goes wrong, where, how often and how long."""

import math
import random
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

EVERY = "*"


class _Typed:
    """A fault that can be asked for in JSON, where a misspelt key is an error."""

    __slots__ = ()
    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Errcode(_Typed):
    """The API refuses with a code, such as 42001, 45009, -1 or 60020; `ip` is the address it then names."""

    errcode: int
    ip: str = ""
    kind: Literal["errcode"] = "errcode"


@dataclass(frozen=True, slots=True)
class HttpStatus(_Typed):
    """The API answers with an HTTP status instead of 200."""

    status: int = 500
    kind: Literal["http_status"] = "http_status"

    def __post_init__(self) -> None:
        _check(200 <= self.status <= 599, f"status is {self.status}: it must be 200 to 599")  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class NotJson(_Typed):
    """The API answers 200 with a page, as a gateway in between may."""

    page: str = "<html><body>Bad Gateway</body></html>"
    kind: Literal["not_json"] = "not_json"


@dataclass(frozen=True, slots=True)
class Slow(_Typed):
    """The API answers as it should, some seconds late."""

    seconds: float
    kind: Literal["slow"] = "slow"

    def __post_init__(self) -> None:
        _check_seconds(self.seconds)


@dataclass(frozen=True, slots=True)
class Hang(_Typed):
    """The API never answers; `done` says whether it did what was asked all the same."""

    done: bool = False
    kind: Literal["hang"] = "hang"


@dataclass(frozen=True, slots=True)
class Drop(_Typed):
    """The connection ends without an answer; `done` says whether what was asked was done all the same."""

    done: bool = False
    kind: Literal["drop"] = "drop"


@dataclass(frozen=True, slots=True)
class Repeat(_Typed):
    """A callback comes several times, though each was answered with 200; `together` posts them all at once."""

    times: int = 3
    together: bool = False
    kind: Literal["repeat"] = "repeat"

    def __post_init__(self) -> None:
        _check(self.times >= 1, f"times is {self.times}: it must be 1 or more")


@dataclass(frozen=True, slots=True)
class LoseAnswer(_Typed):
    """The answers to the first tries of a callback are lost on the way, so it comes again."""

    times: int = 1
    kind: Literal["lose_answer"] = "lose_answer"

    def __post_init__(self) -> None:
        _check(self.times >= 1, f"times is {self.times}: it must be 1 or more")


@dataclass(frozen=True, slots=True)
class HoldBack(_Typed):
    """A callback comes only after the member's next one, or after some seconds if there is none."""

    seconds: float = 5.0
    kind: Literal["hold_back"] = "hold_back"

    def __post_init__(self) -> None:
        _check_seconds(self.seconds)


BotMishapName = Literal[
    "drop",
    "drop_after",
    "lose_ack",
    "late_ack",
    "kicked",
    "deaf",
    "refuse_subscription",
    "window_closed",
    "request_expired",
    "quota",
    "conflict",
    "not_subscribed",
    "push_refused",
    "control_characters",
    "redelivered",
    "lose_answer",
    "stop_asking",
    "response_expired",
]
"""drop: the connection ends before a frame is taken; drop_after: after it, with its answer; lose_ack: a frame is taken
and not answered; late_ack: answered 0.3 s late; kicked: another connection takes the bot in place of the next message;
deaf: the socket of one that is kicked stays open; refuse_subscription: 40001; window_closed: 846608; request_expired:
846604; quota: 45009; conflict: 6000; not_subscribed: 846609; push_refused: 93006 to a message of its own;
control_characters: the next words have some, as they are; redelivered: the next message comes twice. Of bots that are
called back: lose_answer: an answer is lost and asked for again; stop_asking: a stream is not asked for any more;
response_expired: the response_url is refused."""


@dataclass(frozen=True, slots=True)
class BotMishap(_Typed):
    """Something goes wrong between WeCom and an AI bot."""

    name: BotMishapName
    kind: Literal["bot"] = "bot"


ApiFault = Errcode | HttpStatus | NotJson | Slow | Hang | Drop
CallbackFault = Repeat | LoseAnswer | HoldBack
Fault = ApiFault | CallbackFault | BotMishap


@dataclass(frozen=True, slots=True)
class Rule:
    """When a fault strikes.

    `route` is what follows /cgi-bin/, or * for every route; callback faults have none. `calls` is how many times it
    strikes, None for until cleared; `chance` is how likely each time, 1.0 being always.
    """

    fault: Fault
    route: str = EVERY
    calls: int | None = None
    chance: float = 1.0

    def __post_init__(self) -> None:
        _check(self.calls is None or self.calls >= 1, f"calls is {self.calls}: it must be 1 or more, or none")
        _check(0 < self.chance <= 1, f"chance is {self.chance}: it must be more than 0 and at most 1")


class Faults:
    """The rules in force; of several that fit, the oldest strikes."""

    def __init__(self, seed: int | None = None) -> None:
        self._rules: dict[int, tuple[Rule, int | None]] = {}
        self._next = 1
        self._chance = random.Random(seed)  # noqa: S311 - a seed makes a run repeatable; nothing secret hangs on it

    def set(self, rule: Rule) -> int:
        """Add a rule and return the number that `clear` takes."""
        number, self._next = self._next, self._next + 1
        self._rules[number] = (rule, rule.calls)
        return number

    def clear(self, number: int | None = None) -> None:
        """Remove one rule, or all."""
        if number is None:
            self._rules.clear()
        else:
            self._rules.pop(number, None)

    def rules(self) -> dict[int, tuple[Rule, int | None]]:
        """Return the rules in force by number, each with the times it will still strike."""
        return dict(self._rules)

    def at_api(self, route: str) -> ApiFault | None:
        """Return what goes wrong with this call, if anything."""
        for number, (rule, _) in tuple(self._rules.items()):
            if isinstance(rule.fault, ApiFault) and rule.route in {EVERY, route} and self._strikes(number):
                return rule.fault
        return None

    def at_callback(self) -> CallbackFault | None:
        """Return what goes wrong with this callback, if anything."""
        for number, (rule, _) in tuple(self._rules.items()):
            if isinstance(rule.fault, CallbackFault) and self._strikes(number):
                return rule.fault
        return None

    def at_bot(self, name: BotMishapName) -> bool:
        """Whether this goes wrong with a bot now."""
        for number, (rule, _) in tuple(self._rules.items()):
            if isinstance(rule.fault, BotMishap) and rule.fault.name == name and self._strikes(number):
                return True
        return False

    def _strikes(self, number: int) -> bool:
        rule, left = self._rules[number]
        if self._chance.random() >= rule.chance:
            return False
        if left is not None:
            if left == 1:
                del self._rules[number]
            else:
                self._rules[number] = (rule, left - 1)
        return True


def _check(right: bool, otherwise: str) -> None:  # noqa: FBT001 - read as an assertion
    if not right:
        raise ValueError(otherwise)


def _check_seconds(seconds: float) -> None:
    _check(math.isfinite(seconds) and seconds >= 0, f"seconds is {seconds}: it must be 0 or more")
