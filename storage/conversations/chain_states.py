"""What each process of the service says of the chains it answers with."""

import asyncio
import json
import socket
from collections.abc import Sequence
from time import time
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.revisions import MachineState
from storage.database.engine import CLOCK, Database
from storage.database.reading import read_or_none
from storage.database.tables import chain_states, workers

_OLD_SECONDS = 3600.0
"""After so long what a process said that has no lease is forgotten."""

_MAPS = ("live", "trials", "refused", "refused_trials")


async def write_state(database: Database, state: MachineState) -> None:
    """Store what a process says, in place of what it said before and of what processes said that have ended."""
    content = json.dumps({**{name: dict(getattr(state, name)) for name in _MAPS}, "away": state.away})
    values = {"machine": state.machine, "host": socket.gethostname(), "number": state.number, "state": content}
    now = time()
    async with database.write() as connection:
        await _forget_others(connection, now, shared=database.shared)
        await connection.execute(delete(chain_states).where(chain_states.c.machine == state.machine))
        await connection.execute(insert(chain_states).values(**values, at=now))


async def delete_state(database: Database, machine: str) -> None:
    """Forget what a process said."""
    async with database.write() as connection:
        await connection.execute(delete(chain_states).where(chain_states.c.machine == machine))


async def read_states(database: Database) -> Sequence[MachineState]:
    """Return what the processes say that run now; one that has said nothing yet is among them."""
    if not database.shared:
        if not await asyncio.to_thread(database.is_owned):
            return ()
        async with database.read() as connection:
            rows = (await connection.execute(select(chain_states))).all()
        # Whoever owns the file may only be starting.
        return [_state(row) for row in rows] or [MachineState("", socket.gethostname())]
    async with database.read() as connection:
        now = float((await connection.execute(CLOCK)).scalar_one())
        living = (await connection.execute(select(workers).where(workers.c.expires_at > now))).all()
        rows = (await connection.execute(select(chain_states))).all()
    said = {row.machine: _state(row) for row in rows}
    return [said.get(worker.id) or MachineState(worker.id, worker.host) for worker in living]


async def _forget_others(connection: AsyncConnection, now: float, *, shared: bool) -> None:
    if not shared:
        # The file has one owner.
        await connection.execute(delete(chain_states))
        return
    gone = chain_states.c.machine.not_in(select(workers.c.id))
    await connection.execute(delete(chain_states).where(gone, chain_states.c.at < now - _OLD_SECONDS))


def _state(row: Row[*tuple[Any, ...]]) -> MachineState:
    found: Any = read_or_none(json.loads, row.state)
    content = found if isinstance(found, dict) else {}
    maps = {name: content[name] for name in _MAPS if isinstance(content.get(name), dict)}
    return MachineState(row.machine, row.host, row.number, **maps, away=str(content.get("away", "")))
