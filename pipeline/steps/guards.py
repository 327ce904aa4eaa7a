"""Guards checked before a turn is answered: who may write, and how often."""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from pipeline.events import ANY_USER, Image, Person
from pipeline.ports import Channel
from pipeline.turn_state import Turn

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """No; `reason` names the sentence to say and `values` fill it; an empty reason says nothing.

    `logged` is the reason for the log where the person is told nothing.
    """

    reason: str
    values: Mapping[str, object]
    logged: str = ""


class Guard(Protocol):
    """One condition."""

    async def check(self, turn: Turn) -> Refusal | None:
        """Return a refusal, or None to let the turn pass."""


class AllowList:
    """Lets through the users and the members of the departments named; with none named, or "*", everybody."""

    def __init__(self, users: Collection[str], departments: Collection[int], channels: Mapping[str, Channel]) -> None:
        # WeCom compares user ids without regard to case (wecom-protocol.md 4).
        self._users = frozenset(user.casefold() for user in users)
        self._is_open = ANY_USER in users or not (users or departments)
        self._departments = frozenset(departments)
        self._channels = channels

    async def check(self, turn: Turn) -> Refusal | None:
        """Implement `Guard.check`."""
        person = turn.event.sender
        if self._is_open:
            return None
        if person.user.casefold() in self._users:
            return None
        if self._departments:
            profile = await self._channels[person.channel].profile(person)
            if self._departments.intersection(profile.departments):
                return None
        return Refusal("guard.not_allowed", {})


class RateLimit:
    """At most so many messages a minute from one person, by the times they were accepted.

    The first that is too many is answered, the rest of that minute is passed over: a flood is not to be
    answered with a flood.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._passed: dict[Person, deque[float]] = {}
        self._refused_at: dict[Person, float] = {}

    def with_limit(self, per_minute: int) -> "RateLimit":
        """Return the same counts with another limit."""
        other = RateLimit(per_minute)
        other._passed, other._refused_at = self._passed, self._refused_at
        return other

    async def check(self, turn: Turn) -> Refusal | None:
        """Implement `Guard.check`."""
        content = turn.event.content
        if not self._per_minute or turn.attempts or (isinstance(content, Image) and content.beside_words):
            return None
        person, at = turn.event.sender, turn.accepted_at
        self._forget(at)
        passed = self._passed[person] = self._passed.pop(person, deque())
        while passed and passed[0] <= at - _MINUTE:
            passed.popleft()
        if len(passed) < self._per_minute:
            passed.append(at)
            return None
        if at - self._refused_at.get(person, -_MINUTE) < _MINUTE:
            return Refusal("", {}, logged="guard.too_fast")
        self._refused_at.pop(person, None)
        self._refused_at[person] = at
        return Refusal("guard.too_fast", {"limit": self._per_minute})

    def _forget(self, now: float) -> None:
        """Drop who has been quiet, from the front: both tables are in the order of latest use."""
        for table in (self._passed, self._refused_at):
            while table:
                person = next(iter(table))
                last = table[person]
                latest = (last[-1] if last else 0.0) if isinstance(last, deque) else last
                if latest > now - _MINUTE:
                    break
                del table[person]
