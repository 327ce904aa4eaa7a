"""LISTEN/NOTIFY: processes on one PostgreSQL wake each other. What is missed is looked for when listening begins.

Through a pooler that gives a client another server process for each transaction nothing can be listened to. Then
turns that were stopped by another process are looked for each second, and the worker's poll does the rest.
"""

import asyncio
from collections.abc import Callable
from secrets import token_hex
from typing import Any

import asyncpg
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from pipeline.supervision import SupervisedLoop
from storage.database.engine import Database
from storage.database.failures import read_failure
from storage.database.postgres import Connector, backend_pid
from storage.database.tables import inbox, lanes
from storage.turns.lanes import LaneState

log = structlog.get_logger()

_CHANNEL = "webot"
_AGAIN_SECONDS = 1.0
_POLL_SECONDS = 1.0
_PROBE_SECONDS = 3.0

_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class NotifyListener:
    """A connection that only listens; it comes back by itself when the database does."""

    def __init__(self, database: Database, owner: str, ring: Callable[[str], None]) -> None:
        assert database.connector is not None  # noqa: S101 -- SQLite has one process, and nobody to wake
        self._connector = database.connector
        self._database = database
        self._owner = owner
        self._ring = ring
        self.loop = SupervisedLoop("bell", self._listen)

    def start(self) -> None:
        """Begin listening."""
        self.loop.start()

    async def stop(self) -> None:
        """Stop listening."""
        await self.loop.stop()

    async def _listen(self) -> None:
        while True:
            gone = asyncio.Event()
            try:
                connection = await self._connector.connect()
            except _AWAY as error:
                log.warning("bell_not_connected", error=str(read_failure(error)))
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            try:
                connection.add_termination_listener(lambda *_, gone=gone: gone.set())
                if self._connector.pooled and not await can_listen(self._connector, connection):
                    log.warning("notifications_unavailable", reason="the pooler carries none", poll=_POLL_SECONDS)
                    connection.terminate()
                    await self._poll()
                await connection.add_listener(_CHANNEL, lambda *heard: self._ring(str(heard[-1])))
                # Whatever was said while nobody listened.
                self._ring("ready")
                await self._ring_stopped(set())
                await gone.wait()
            except _AWAY as error:
                log.warning("bell_broken", error=str(read_failure(error)))
            finally:
                connection.terminate()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _poll(self) -> None:
        """Look each second for turns of ours that another process has stopped, and never return."""
        known: set[int] = set()
        while True:
            known = await self._ring_stopped(known)
            await asyncio.sleep(_POLL_SECONDS)

    async def _ring_stopped(self, known: set[int]) -> set[int]:
        """Ring for the turns of ours that another process has stopped, but for those known; return them all."""
        first = (inbox.c.lane == lanes.c.lane) & (inbox.c.n == lanes.c.head + 1)
        stopped = (
            select(inbox.c.id)
            .join(lanes, first)
            .where(lanes.c.state == int(LaneState.OWNED), lanes.c.owner == self._owner, inbox.c.stopped)
        )
        try:
            async with self._database.read() as connection:
                found = set((await connection.execute(stopped)).scalars())
        except (SQLAlchemyError, OSError) as error:
            log.warning("bell_broken", error=str(read_failure(error)))
            return known
        for turn_id in found - known:
            self._ring(f"stop:{turn_id}")
        return found


async def can_listen(connector: Connector, connection: "asyncpg.Connection[Any]") -> bool:
    """Whether a connection through a pooler stays with one server process, so that it hears what it listens to."""
    other = await connector.connect()
    try:
        return await _keeps_its_process(connection, other) and await _hears(connection, other)
    except TimeoutError:
        # The pooler has no server process to spare for the second.
        return False
    finally:
        other.terminate()


async def _keeps_its_process(connection: "asyncpg.Connection[Any]", other: "asyncpg.Connection[Any]") -> bool:
    # Asked first: a server process that listens for nobody would have the pooler complain of each notification.
    async with asyncio.timeout(_PROBE_SECONDS):
        ours = await backend_pid(connection)
        async with other.transaction():
            theirs = await backend_pid(other)
            return theirs != ours and await backend_pid(connection) == ours


async def _hears(connection: "asyncpg.Connection[Any]", other: "asyncpg.Connection[Any]") -> bool:
    word, heard = f"probe:{token_hex(8)}", asyncio.Event()

    def listener(*payload: object) -> None:
        if payload[-1] == word:
            heard.set()

    await connection.add_listener(_CHANNEL, listener)
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await other.execute("SELECT pg_notify($1, $2)", _CHANNEL, word)
            await heard.wait()
    finally:
        await connection.remove_listener(_CHANNEL, listener)
    return True
