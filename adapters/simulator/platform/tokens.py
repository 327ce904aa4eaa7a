"""Access tokens: one for each app, the same one while it is valid (wecom-protocol.md 6)."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from adapters.simulator.platform.apps import App
from adapters.simulator.platform.errcodes import ApiError

_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class _Issued:
    app: tuple[str, int]
    until: float


class IssuedTokens:
    """The tokens handed out; old ones are remembered for a while, to tell an expired one from a made-up one."""

    def __init__(self, *, seconds: int, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._issued: OrderedDict[str, _Issued] = OrderedDict()
        self._current: dict[tuple[str, int], str] = {}

    def issue(self, app: App) -> tuple[str, int]:
        """Return the app's token and the seconds it still holds."""
        now = self._clock()
        token = self._current.get(app.key)
        if token is not None and self._issued[token].until > now:
            return token, max(1, int(self._issued[token].until - now))
        token = secrets.token_urlsafe(64)
        self._current[app.key] = token
        self._issued[token] = _Issued(app.key, now + self._seconds)
        while len(self._issued) > max(_REMEMBERED, 2 * len(self._current)):
            self._forget_oldest()
        return token, self._seconds

    def holder(self, token: str) -> tuple[str, int]:
        """Name the app a token was given to; refuses with 41001, 40014 or 42001."""
        if not token:
            raise ApiError(41001)
        issued = self._issued.get(token)
        if issued is None:
            raise ApiError(40014)
        if issued.until <= self._clock():
            raise ApiError(42001)
        return issued.app

    def expire(self, app: tuple[str, int] | None = None) -> None:
        """End the tokens of an app, or of all, before their time, as WeCom may."""
        for key, token in self._current.items():
            if app is None or app == key:
                self._issued[token] = replace(self._issued[token], until=self._clock())

    def _forget_oldest(self) -> None:
        current = set(self._current.values())
        del self._issued[next(token for token in self._issued if token not in current)]
