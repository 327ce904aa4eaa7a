"""How often a password may be guessed: after a few wrong ones from an address it has to pause, longer each time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_address

_FREE = 3
"""Wrong passwords from one address before it has to pause."""
_LONGEST = 60.0
"""Seconds; a pause begins at one second and doubles."""
_FREE_IN_ALL = 20
_LONGEST_IN_ALL = 2.0
"""For everybody together: short, so that guessing from many addresses does not keep the owner out."""
_FORGOTTEN = 900.0
"""Seconds after the end of its last pause, an address starts from zero again."""
_MOST_ADDRESSES = 1000
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


class GuessThrottle:
    """Counts wrong passwords, by address and in all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Count from nothing; `clock` gives seconds."""
        self._clock = clock
        self._by_address: dict[str, _Count] = {}
        self._in_all = _Count()
        self._welcome: dict[str, None] = {}

    def is_welcome(self, address: str) -> bool:
        """Whether an address has had the password right since the start."""
        return _group(address) in self._welcome

    def pause(self, address: str) -> float:
        """Return for how many seconds no password from an address is looked at, 0 for none."""
        now = self._clock()
        count = self._by_address.get(_group(address), _Count())
        in_all = 0.0 if self.is_welcome(address) else self._in_all.until - now
        return max(count.until - now, in_all, 0.0)

    def failed(self, address: str) -> None:
        """Count a wrong password."""
        now = self._clock()
        group = _group(address)
        # Taken out and put back, so that the ones that were wrong longest ago stand first.
        count = self._by_address.pop(group, _Count())
        count.add(now, free=_FREE, longest=_LONGEST)
        self._by_address[group] = count
        if len(self._by_address) > _MOST_ADDRESSES:
            del self._by_address[next(iter(self._by_address))]
        self._in_all.add(now, free=_FREE_IN_ALL, longest=_LONGEST_IN_ALL)

    def succeeded(self, address: str) -> None:
        """Forget what an address got wrong before it got it right, and let it not wait for others from now on."""
        group = _group(address)
        self._by_address.pop(group, None)
        self._welcome.pop(group, None)
        self._welcome[group] = None
        if len(self._welcome) > _MOST_WELCOME:
            del self._welcome[next(iter(self._welcome))]


def _group(address: str) -> str:
    """Return what counts as one address: of IPv6, whose networks have many, the network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Network((parsed, 64), strict=False)) if parsed.version == 6 else address  # noqa: PLR2004
