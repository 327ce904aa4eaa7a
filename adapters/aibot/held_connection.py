"""Keeps a bot connected from one process of several: WeCom allows one connection, and a second would end the first."""

import asyncio
from time import monotonic

import structlog

from adapters.aibot.connection import BotConnection
from pipeline.ports import ConnectionLease

log = structlog.get_logger()


class HeldConnection:
    """Runs the connection while the lease on it is ours; `name` is the bot's, for all processes."""

    def __init__(self, connection: BotConnection, lease: ConnectionLease, *, name: str, channel: str) -> None:
        self._connection = connection
        self._lease = lease
        self._name = name
        self._channel = channel
        self.is_elsewhere = False
        """Whether another process holds the connection."""

    async def run(self) -> None:
        """Wait for the lease, connect, and let go when the lease cannot be renewed; for ever."""
        while True:
            if await self._acquired():
                self.is_elsewhere = False
                await self._hold()
            else:
                self.is_elsewhere = True
                await asyncio.sleep(self._lease.seconds / 6)

    async def _hold(self) -> None:
        connecting = asyncio.create_task(self._connection.run(), name=f"{self._channel} connection")
        until = monotonic() + self._lease.seconds
        try:
            while monotonic() < until:
                done, _ = await asyncio.wait({connecting}, timeout=self._lease.seconds / 3)
                if done:
                    connecting.result()
                    return
                began = monotonic()
                renewed = await self._acquired()
                if renewed:
                    until = began + self._lease.seconds
                elif renewed is False:
                    break
            log.warning("bot_connection_given_up", channel=self._channel, reason="another process may hold it")
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            await self._release()

    async def _acquired(self) -> bool | None:
        """Whether the lease is ours; None where the database does not say."""
        try:
            async with asyncio.timeout(self._lease.seconds / 3):
                return await self._lease.acquire(self._name)
        except Exception as error:  # noqa: BLE001 -- the edge of a step: it is tried again, and ends by itself
            log.warning("bot_lease_not_renewed", channel=self._channel, error=type(error).__name__)
            return None

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(self._lease.seconds / 3):
                await self._lease.release(self._name)
        except Exception as error:  # noqa: BLE001 -- as above: the lease runs out
            log.info("bot_lease_not_returned", channel=self._channel, error=type(error).__name__)
