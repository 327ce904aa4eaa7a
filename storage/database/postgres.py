"""Opens connections to one PostgreSQL: for the pool, for listening and for the verbs, all with the same options."""

from itertools import count
from time import monotonic
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.database.dsn import connect_arguments, statement_cache_size

STATEMENT_SECONDS = 30
"""How long one statement may take."""

_CACHED_STATEMENTS = 100
_IDLE_SECONDS = 5.0


class Connector:
    """Opens connections to a database, directly or through a pooler such as PgBouncer.

    A pooler may carry each transaction to another server process, and each statement outside of one: a statement that
    was prepared under a name is then not there, or is another's. Behind one, statements are prepared without a
    name, together with each execution.
    """

    def __init__(self, url: URL) -> None:
        self._arguments = connect_arguments(url)
        size = statement_cache_size(url)
        self.cached_statements = size or _CACHED_STATEMENTS
        self._numbers = count(1)
        self.pooled = size == 0
        """Whether a pooler stands between; found out when the first connection opens."""

    async def connect(self) -> "asyncpg.Connection[Any]":
        """Return a new connection.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: there is none to be had.
        """
        connection = await asyncpg.connect(
            **self._arguments,
            command_timeout=STATEMENT_SECONDS,
            # The driver's own cache; SQLAlchemy's is another, and serves almost every statement.
            statement_cache_size=0,
        )
        if not self.pooled:
            try:
                # A pooler makes up the number that a client is told when it connects.
                self.pooled = await backend_pid(connection) != connection.get_server_pid()
                if not self.pooled:
                    # Statements are short; for some the planner expects so much that compiling them takes longest.
                    await connection.execute("SET jit = off")
            except BaseException:
                connection.terminate()
                raise
        return connection

    def statement_name(self) -> str:
        """Return the name for the next prepared statement; empty for none.

        Left to itself the driver gives none either, and the server parses and plans each execution anew.
        """
        return "" if self.pooled else f"webot_{next(self._numbers)}"


async def backend_pid(connection: "asyncpg.Connection[Any]") -> int:
    """Return the number of the server process that answers now."""
    return int(await connection.fetchval("SELECT pg_backend_pid()"))


def open_pool(url: URL, connector: Connector, *, size: int, **options: object) -> AsyncEngine:
    """Return an engine over at most `size` connections of a connector."""
    engine: AsyncEngine = create_async_engine(
        url,
        pool_size=size,
        # More than that only makes the server's processes wait for one another.
        max_overflow=0,
        creator=lambda: engine.dialect.dbapi.connect(  # type: ignore[union-attr] # it has its driver
            async_creator_fn=connector.connect,
            prepared_statement_cache_size=connector.cached_statements,
            prepared_statement_name_func=connector.statement_name,
        ),
        **options,
    )
    _refuse_the_dead(engine.sync_engine)
    return engine


def _refuse_the_dead(engine: Engine) -> None:
    """Keep the pool from handing out closed connections; `pool_pre_ping` would ask the server at each use.

    One that was closed is known without asking. One that was idle is asked: a firewall may have dropped it silently.
    """

    @event.listens_for(engine, "checkin")
    def note(_connection: object, record: Any) -> None:  # noqa: ANN401 -- SQLAlchemy's own, without a type
        record.info["idle_since"] = monotonic()

    @event.listens_for(engine, "checkout")
    def look(connection: Any, record: Any, _proxy: object) -> None:  # noqa: ANN401 -- as above
        if connection.driver_connection.is_closed():
            # Most likely the server has gone, and every other connection with it.
            raise InvalidatePoolError
        if monotonic() - record.info.get("idle_since", monotonic()) > _IDLE_SECONDS:
            try:
                connection.ping()
            except Exception as error:
                raise DisconnectionError from error
