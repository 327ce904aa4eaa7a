"""Keeps a bot connected from one process of several: WeCom allows one connection, and a second would end the first."""

import asyncio
from time import monotonic

import structlog

from adapters.aibot.connection import BotConnection
from pipeline.ports import ConnectionLease

log = structlog.get_logger()

_FORMER_LEASES = 9
"""Leases after a take-over, within which another's subscription is most likely the former holder's."""
_RENEWALS = 4
"""In the length of a lease, so that it stands when two of them fail."""
_LOOKS = 8
"""At whether the lease is free, in its length, by those who would take it."""


class HeldConnection:
    """Runs the connection while the lease on it is ours; `name` is the bot's, for all processes.

    What the lease fences is subscribing, which ends another's connection. One that stands when the database does not
    answer stays: nobody else can have it without WeCom ending ours, and what comes over it is not lost.
    """

    def __init__(self, connection: BotConnection, lease: ConnectionLease, *, name: str, channel: str) -> None:
        self._connection = connection
        self._lease = lease
        self._name = name
        self._channel = channel
        self.is_elsewhere = False
        """Whether another process holds the connection."""
        self._until = 0.0
        """When the lease runs out by our clock, which goes on while the process is stopped or starved."""
        connection.may_subscribe = lambda: monotonic() < self._until

    @property
    def is_ours(self) -> bool:
        """Whether it is for this process to deliver what the bot says."""
        return monotonic() < self._until or self._connection.state == "subscribed"

    async def run(self) -> None:
        """Wait for the lease, connect, and let go when the lease is another's; for ever."""
        while True:
            began = monotonic()
            if await self._acquired():
                self._until = began + self._lease.seconds
                taken_over, self.is_elsewhere = self.is_elsewhere, False
                await self._hold(taken_over=taken_over)
            else:
                self.is_elsewhere = True
                await asyncio.sleep(self._lease.seconds / _LOOKS)

    async def _hold(self, *, taken_over: bool) -> None:
        connecting = asyncio.create_task(self._connection.run(), name=f"{self._channel} connection")
        began_to_hold = monotonic()
        try:
            while self.is_ours:
                done, _ = await asyncio.wait({connecting}, timeout=self._lease.seconds / _RENEWALS)
                if done:
                    connecting.result()
                    return
                began = monotonic()
                renewed = await self._acquired()
                if renewed:
                    self._until = began + self._lease.seconds
                elif renewed is False:
                    break
                if taken_over and self._connection.state == "kicked":
                    # Most likely by the process that held it before, as its last deed: once that is not waited out.
                    taken_over = False
                    if began - began_to_hold < _FORMER_LEASES * self._lease.seconds:
                        self._connection.retry_now()
            log.warning("bot_connection_given_up", channel=self._channel, reason="another process may hold it")
        finally:
            self._until = 0.0
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            await self._release()

    async def _acquired(self) -> bool | None:
        """Whether the lease is ours; None where the database does not say."""
        try:
            async with asyncio.timeout(self._lease.seconds / _RENEWALS):
                return await self._lease.acquire(self._name)
        except Exception as error:  # noqa: BLE001 -- the edge of a step: it is tried again, and ends by itself
            log.warning("bot_lease_not_renewed", channel=self._channel, error=type(error).__name__)
            return None

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(self._lease.seconds):
                await self._lease.release(self._name)
        except Exception as error:  # noqa: BLE001 -- as above: the lease runs out
            log.info("bot_lease_not_returned", channel=self._channel, error=type(error).__name__)
