"""Who exported what and who deleted what, written down before or with the deed."""

import getpass
import json
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any

from sqlalchemy import Connection, func, insert, select

from storage.conversations.audit_actions import Action
from storage.database.engine import Database
from storage.database.reading import read_or_none, read_time
from storage.database.tables import audit

_LATEST = 1000


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A deed: `who` did it, `details` are its filter."""

    id: int
    at: datetime
    who: str
    action: str
    details: Mapping[str, Any]
    conversations: int
    messages: int


def operator() -> str:
    """Name whoever runs this program: the account and the machine."""
    name = "?"
    with suppress(OSError, KeyError):  # an account without a name, as in a container
        name = getpass.getuser()
    return f"{name}@{socket.gethostname()}"


async def record(
    database: Database, action: Action, who: str, details: Mapping[str, Any], *, conversations: int, messages: int
) -> None:
    """Write a deed down."""
    await database.transact(
        lambda connection: note(connection, action, who, details, conversations=conversations, messages=messages)
    )


def note(
    connection: Connection,
    action: Action,
    who: str,
    details: Mapping[str, Any],
    *,
    conversations: int,
    messages: int,
) -> None:
    """Write a deed down in the transaction that does it."""
    connection.execute(
        insert(audit).values(
            at=time(),
            who=who,
            action=action,
            details=_written(details),
            conversations=conversations,
            messages=messages,
        )
    )


async def is_recorded(
    database: Database, action: Action, who: str, details: Mapping[str, Any], *, seconds: float
) -> bool:
    """Whether a deed was written down within so many seconds, among the latest thousand of all."""
    # The table has no index but its numbers, and may hold millions.
    latest = select(audit.c.id).order_by(audit.c.id.desc()).limit(_LATEST).subquery()
    same = (audit.c.who == who, audit.c.action == action, audit.c.details == _written(details))
    wanted = select(audit.c.id).where(audit.c.id.in_(select(latest.c.id)), *same, audit.c.at > time() - seconds)
    async with database.read() as connection:
        return (await connection.execute(wanted.limit(1))).first() is not None


async def latest_deletion(database: Database, *, actions: tuple[Action, ...] = ("forget", "retention")) -> int:
    """Return the number of the latest deed that deleted something, 0 if there is none."""
    latest = select(func.coalesce(func.max(audit.c.id), 0)).where(audit.c.action.in_(actions))
    async with database.read() as connection:
        return int((await connection.execute(latest)).scalar_one())


async def latest_forgetting(database: Database) -> float:
    """Return when a person was last forgotten, in seconds since 1970; 0 for never."""
    latest = select(func.coalesce(func.max(audit.c.at), 0.0)).where(audit.c.action == "forget")
    async with database.read() as connection:
        return float((await connection.execute(latest)).scalar_one())


async def deeds(
    database: Database, *, action: Action | None = None, limit: int = 100, before: int | None = None
) -> Sequence[AuditRow]:
    """Return the latest deeds, newest first; those with a number below `before`."""
    wanted = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if action is not None:
        wanted = wanted.where(audit.c.action == action)
    if before is not None:
        wanted = wanted.where(audit.c.id < before)
    async with database.read() as connection:
        rows = (await connection.execute(wanted)).all()
    return [
        AuditRow(
            row.id,
            read_time(row.at) or datetime.fromtimestamp(0, UTC),
            row.who,
            row.action,
            read_or_none(json.loads, row.details) or {},
            row.conversations,
            row.messages,
        )
        for row in rows
    ]


def _written(details: Mapping[str, Any]) -> str:
    return json.dumps(details, ensure_ascii=False, sort_keys=True)
