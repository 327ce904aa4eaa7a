"""How often a password may be guessed: after a few wrong ones there is a pause, longer each time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_address

_FREE = 3
"""Wrong passwords from one address, or for one account, before there is a pause."""
_LONGEST = 60.0
"""Seconds; a pause begins at one second and doubles."""
_FREE_IN_ALL = 20
_LONGEST_IN_ALL = 2.0
"""For everybody together: short, so that guessing from many addresses does not keep the owner out."""
_FORGOTTEN = 900.0
"""Seconds after the end of its last pause, an address or account starts from zero again."""
_MOST_COUNTED = 1000
_MOST_WELCOME = 100
"""Addresses that have had the password right last, whom others' guesses do not keep waiting."""


@dataclass(slots=True)
class _Count:
    wrong: int = 0
    until: float = 0.0

    def add(self, now: float, *, free: int, longest: float) -> None:
        if now > self.until + _FORGOTTEN:
            self.wrong = 0
        self.wrong += 1
        # The exponent is bounded: a power of what is counted for days would be beyond any float.
        pause = min(longest, 2.0 ** min(self.wrong - free, 16)) if self.wrong >= free else 0.0
        self.until = now + pause


class GuessCounts:
    """Counts wrong passwords by a key: an address, an account, a browser."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Count from nothing; `clock` gives seconds."""
        self._clock = clock
        self._counts: dict[str, _Count] = {}

    def pause(self, key: str) -> float:
        """Return for how many seconds no password for a key is looked at, 0 for none."""
        return max(self._counts.get(key, _Count()).until - self._clock(), 0.0)

    def failed(self, key: str) -> None:
        """Count a wrong password."""
        # Taken out and put back, so that the ones that were wrong longest ago stand first.
        count = self._counts.pop(key, _Count())
        count.add(self._clock(), free=_FREE, longest=_LONGEST)
        self._counts[key] = count
        if len(self._counts) > _MOST_COUNTED:
            del self._counts[next(iter(self._counts))]

    def forgive(self, key: str, wrong: int | None = None) -> int:
        """Take back so many wrong passwords, all if no number is given; return how many were counted."""
        count = self._counts.get(key, _Count())
        before = count.wrong
        count.wrong = 0 if wrong is None else max(0, count.wrong - wrong)
        if count.wrong == 0:
            self._counts.pop(key, None)
        return before


class GuessThrottle:
    """Counts wrong passwords by address, where a network is one address, and in all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Count from nothing; `clock` gives seconds."""
        self._clock = clock
        self._by_address = GuessCounts(clock)
        self._in_all = _Count()
        self._welcome: dict[str, None] = {}

    def is_welcome(self, address: str) -> bool:
        """Whether an address has had the password right since the start."""
        return network_of(address) in self._welcome

    def pause(self, address: str) -> float:
        """Return for how many seconds no password from an address is looked at, 0 for none."""
        in_all = 0.0 if self.is_welcome(address) else self._in_all.until - self._clock()
        return max(self._by_address.pause(network_of(address)), in_all)

    def failed(self, address: str) -> None:
        """Count a wrong password."""
        self._by_address.failed(network_of(address))
        self._in_all.add(self._clock(), free=_FREE_IN_ALL, longest=_LONGEST_IN_ALL)

    def forgive(self, address: str, wrong: int) -> None:
        """Take back so many wrong passwords of an address."""
        self._by_address.forgive(network_of(address), wrong)

    def succeeded(self, address: str) -> None:
        """Forget what an address got wrong before it got it right, and let it not wait for others from now on."""
        group = network_of(address)
        self._by_address.forgive(group)
        self._welcome.pop(group, None)
        self._welcome[group] = None
        if len(self._welcome) > _MOST_WELCOME:
            del self._welcome[next(iter(self._welcome))]


def network_of(address: str) -> str:
    """Return what counts as one address: of IPv6, whose networks have many, the network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Network((parsed, 64), strict=False)) if parsed.version == 6 else address  # noqa: PLR2004
