"""The members of a pretend corp."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# 1 to 64 of these, by the text of error 40003; @ occurs too (wecom-protocol.md 6).
_USER_ID = re.compile(r"[A-Za-z0-9_.@-]{1,64}")


@dataclass(frozen=True, slots=True)
class Member:
    """A person the apps can be used by; `departments` are the numbers of theirs, 1 being the whole corp."""

    user: str
    name: str = ""
    departments: tuple[int, ...] = (1,)


class Directory:
    """Who there is. Opened without members it knows everybody: a well-formed id becomes a member when first named."""

    def __init__(self, members: Iterable[Member] | None = None) -> None:
        self._anybody = members is None
        self._members: dict[str, Member] = {}
        for member in members or ():
            self.add(member)

    def add(self, member: Member) -> Member:
        """Add a member. Raises `ValueError` for an id that WeCom would refuse."""
        if _USER_ID.fullmatch(member.user) is None:
            raise ValueError(f"{member.user!r} is no user id: 1 to 64 letters, digits or -_.@")
        self._members[member.user.casefold()] = member
        return member

    def find(self, user: str) -> Member | None:
        """Return a member; ids are compared without regard to case."""
        found = self._members.get(user.casefold())
        if found is None and self._anybody and _USER_ID.fullmatch(user) is not None:
            return self.add(Member(user, user))
        return found

    def in_department(self, number: str) -> tuple[Member, ...]:
        """Return a department's members; its number comes as the request has it."""
        return tuple(member for member in self._members.values() if number in map(str, member.departments))

    def everybody(self) -> tuple[Member, ...]:
        """Return all members known so far."""
        return tuple(self._members.values())
