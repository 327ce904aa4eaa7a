"""The access token of one app: fetched once however many ask, kept on disk, replaced when WeCom refuses it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass, field

from adapters.wecom.client.cache import Cache
from pipeline.errors import TryAgain, Undeliverable

_USUAL_LIFETIME = 7200
_EARLY = 300
_REFUSED_SECONDS = 60.0

Fetch = Callable[[], Awaitable[tuple[str, int]]]
"""Asks WeCom for a token; gives it with the seconds it is said to live."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; `issue` counts how often this process has got one, because WeCom may give the same again."""

    value: str = field(repr=False)
    issue: int


class AccessTokens:
    """Where every call to one app's API gets its token."""

    def __init__(self, cache: Cache, key: str, fetch: Fetch, *, clock: Callable[[], float] = time.time) -> None:
        self._cache = cache
        self._key = key
        self._fetch = fetch
        self._clock = clock
        self._token = Token("", 0)
        self._until = 0.0
        self._failure: TryAgain | Undeliverable | None = None
        self._failed_until = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def current(self) -> Token:
        """Return a token that should be valid; raises what WeCom's refusal to give one means."""
        if self._clock() < self._until:
            return self._token
        async with self._one_at_a_time:
            if self._clock() < self._until:
                return self._token
            if self._token.issue == 0 and await self._recalled():
                return self._token
            return await self._fetched()

    async def renewed(self, refused: Token) -> Token:
        """Return a token after WeCom has refused one: the newer one we have by now, or a fresh one."""
        async with self._one_at_a_time:
            if self._token.issue > refused.issue and self._clock() < self._until:
                return self._token
            return await self._fetched()

    async def _recalled(self) -> bool:
        kept = await self._cache.get(self._key)
        if kept is None:
            return False
        self._take(kept.text, kept.until)
        return True

    async def _fetched(self) -> Token:
        # Everybody who waited for a failed call would otherwise make it again, and WeCom bans for an hour
        # who asks too often with a wrong secret.
        if self._failure is not None and self._clock() < self._failed_until:
            raise copy(self._failure)
        try:
            value, expires_in = await self._fetch()
        except TryAgain as error:
            self._hold(error, error.after)
            raise
        except Undeliverable as error:
            self._hold(error, _REFUSED_SECONDS)
            raise
        lifetime = expires_in if expires_in > 0 else _USUAL_LIFETIME
        usable = max(lifetime - _EARLY, lifetime / 2)
        self._failure = None
        self._take(value, self._clock() + usable)
        await self._cache.put(self._key, value, seconds=usable)
        return self._token

    def _take(self, value: str, until: float) -> None:
        self._token = Token(value, self._token.issue + 1)
        self._until = until

    def _hold(self, error: TryAgain | Undeliverable, seconds: float) -> None:
        self._failure = error
        self._failed_until = self._clock() + min(seconds, _REFUSED_SECONDS)
